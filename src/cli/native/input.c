#include "cli/native/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool input_open(struct input *input, struct error *error)
{
    if (pipe2(input->pipe, O_CLOEXEC) == 0 && fcntl(input->pipe[1], F_SETFL, O_NONBLOCK) == 0)
        return true;
    return error_set(error, ERROR_IO, "cannot make a pipe: %s", strerror(errno));
}

static void close_end(struct input *input, int end)
{
    if (input->pipe[end] >= 0)
        close(input->pipe[end]);
    input->pipe[end] = -1;
}

void input_close(struct input *input)
{
    close_end(input, 0);
    close_end(input, 1);
    buffer_free(&input->waiting);
}

size_t input_write(struct input *input)
{
    size_t done = 0;
    while (input->pipe[1] >= 0 && done < input->waiting.size) {
        ssize_t size =
            write(input->pipe[1], input->waiting.data + done, input->waiting.size - done);
        if (size <= 0)
            break;
        done += (size_t)size;
    }
    if (done && done < input->waiting.size)
        memmove(input->waiting.data, input->waiting.data + done, input->waiting.size - done);
    input->waiting.size -= done;
    if (input->ended && input->waiting.size == 0)
        close_end(input, 1);
    return done;
}

void input_take_back(struct input *input)
{
    struct buffer all = {0};
    uint8_t bytes[4096];
    ssize_t size;
    close_end(input, 1);
    if (input->pipe[0] >= 0) {
        fcntl(input->pipe[0], F_SETFL, O_NONBLOCK);
        while ((size = read(input->pipe[0], bytes, sizeof bytes)) > 0)
            buffer_put(&all, bytes, (size_t)size);
    }
    close_end(input, 0);
    buffer_put(&all, input->waiting.data, input->waiting.size);
    buffer_free(&input->waiting);
    input->waiting = all;
}
