#include "cli/native/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/output.h"
#include "cli/native/keep.h"
#include "cli/print.h"

static bool verdict_path(const char *token, char path[PATH_ROOM], struct error *error)
{
    char file[64];
    if (strlen(token) != 32 || strspn(token, "0123456789abcdef") != 32)
        return error_set(error, ERROR_USAGE, "%.100s: not a move's token", token);
    snprintf(file, sizeof file, "moves/%s", token);
    return keep_path(file, path, error);
}

/* Makes the file with these lines unless it is there; flushed, since this machine may fail next. */
static bool decide(const char *path, const char *lines, struct error *error)
{
    const struct output_options options = {.fresh = true, .sync = true};
    return output_bytes(path, &options, lines, strlen(lines), error) ||
           (error->kind == ERROR_USAGE && access(path, F_OK) == 0);
}

static bool read_state(const char *path, struct buffer *text, struct error *error)
{
    bool good = file_read(path, text, error);
    buffer_put_u8(text, 0);
    return good && !text->failed;
}

bool verdict_start(const char *token, struct error *error)
{
    char path[PATH_ROOM], mine[64];
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
    char path[PATH_ROOM];
    if (verdict_path(token, path, NULL))
        output_bytes(path, &(struct output_options){.sync = true}, lines, strlen(lines), NULL);
}

void verdict_forget(const char *token)
{
    char path[PATH_ROOM];
    if (verdict_path(token, path, NULL))
        unlink(path);
}

bool verdict_ask(const char *token, struct error *error)
{
    char path[PATH_ROOM];
    struct buffer text = {0};
    bool good = verdict_path(token, path, error) && decide(path, "state=revoked\n", error) &&
                read_state(path, &text, error);
    for (char *line = good ? strtok((char *)text.data, "\n") : NULL; line;
         line = strtok(NULL, "\n"))
        print_line(stdout, "%s", line);
    buffer_free(&text);
    return good;
}
