#include "cli/native/guest_streams.h"

#include <errno.h>
#include <unistd.h>

#include "cli/native/link.h"

/* How much of this process's own input may be read now. */
static size_t input_room(const struct supervisor *supervisor)
{
    size_t on_way = 0;
    bool passes = supervisor->place->kind->passes_input(supervisor->place, &on_way);
    size_t used = supervisor->input.waiting.size + on_way;
    return passes && !supervisor->input.ended && used < INPUT_WINDOW ? INPUT_WINDOW - used : 0;
}

static void read_input(struct supervisor *supervisor)
{
    uint8_t bytes[4096];
    size_t room = input_room(supervisor);
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    if (!room || poll(&ready, 1, 0) <= 0)
        return;
    ssize_t size = read(STDIN_FILENO, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (size > 0)
        buffer_put(&supervisor->input.waiting, bytes, (size_t)size);
    else if (size == 0 || (errno != EINTR && errno != EAGAIN))
        supervisor->input.ended = true;
}

nfds_t streams_waits(struct supervisor *supervisor, struct pollfd waits[STREAMS_WAITS])
{
    nfds_t count = 0;
    if (input_room(supervisor))
        waits[count++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    if (supervisor->has_input && supervisor->input.waiting.size)
        waits[count++] = (struct pollfd){.fd = supervisor->input.pipe[1], .events = POLLOUT};
    return count;
}

void streams_service(struct supervisor *supervisor)
{
    read_input(supervisor);
    if (supervisor->has_input)
        input_write(&supervisor->input);
}
