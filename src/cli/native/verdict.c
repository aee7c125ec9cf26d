#include "cli/native/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/file.h"
#include "cli/native/keep.h"
#include "cli/print.h"

static bool verdict_path(const char *token, char path[1024], struct error *error)
{
    char file[64];
    if (strlen(token) != 32 || strspn(token, "0123456789abcdef") != 32)
        return error_set(error, ERROR_USAGE, "%.100s: not a move's token", token);
    snprintf(file, sizeof file, "moves/%s", token);
    return keep_path(file, path, error);
}

/* A name that was made is on the disk as well. */
static bool flush_folder(const char *path)
{
    char folder[1024];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = descriptor >= 0 && fsync(descriptor) == 0;
    if (descriptor >= 0)
        close(descriptor);
    return good;
}

/* Makes the file with these lines unless it is there; flushed, since this machine may fail next. */
static bool decide(const char *path, const char *lines, struct error *error)
{
    char temporary[1100];
    snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = file >= 0 && write(file, lines, strlen(lines)) == (ssize_t)strlen(lines) &&
                fsync(file) == 0;
    if (file >= 0)
        close(file);
    good = good && (link(temporary, path) == 0 || errno == EEXIST) && flush_folder(path);
    if (!good)
        error_set(error, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    unlink(temporary);
    return good;
}

static bool read_state(const char *path, struct buffer *text, struct error *error)
{
    bool good = file_read(path, text, error);
    buffer_put_u8(text, 0);
    return good && !text->failed;
}

bool verdict_start(const char *token, struct error *error)
{
    char path[1024], mine[64];
    struct buffer text = {0};
    snprintf(mine, sizeof mine, "state=started\npid=%d\n", (int)getpid());
    bool good = verdict_path(token, path, error) && decide(path, mine, error) &&
                read_state(path, &text, error);
    if (good && strcmp((const char *)text.data, mine) != 0)
        good = error_set(error, ERROR_IO,
                         "the guest was told to go, but has been asked about "
                         "before: it goes on where it was");
    buffer_free(&text);
    return good;
}

void verdict_write(const char *token, const char *lines)
{
    char path[1024];
    if (verdict_path(token, path, NULL))
        output_bytes(path, &(struct output_options){.sync = true}, lines, strlen(lines), NULL);
}

void verdict_forget(const char *token)
{
    char path[1024];
    if (verdict_path(token, path, NULL))
        unlink(path);
}

bool verdict_ask(const char *token, struct error *error)
{
    char path[1024];
    struct buffer text = {0};
    bool good = verdict_path(token, path, error) && decide(path, "state=revoked\n", error) &&
                read_state(path, &text, error);
    for (char *line = good ? strtok((char *)text.data, "\n") : NULL; line;
         line = strtok(NULL, "\n"))
        print_line(stdout, "%s", line);
    buffer_free(&text);
    return good;
}
