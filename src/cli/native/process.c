#include "cli/native/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Room for one more and the NULL at the end. */
static bool grow(struct arguments *arguments)
{
    char **grown = realloc(arguments->list, (arguments->count + 2) * sizeof *grown);
    if (grown)
        arguments->list = grown;
    return grown;
}

void arguments_add(struct arguments *arguments, const char *format, ...)
{
    char *text = NULL;
    va_list list;
    va_start(list, format);
    bool good = vasprintf(&text, format, list) >= 0;
    va_end(list);
    if (!good || !grow(arguments)) {
        arguments->failed = true;
        if (good)
            free(text);
        return;
    }
    arguments->list[arguments->count++] = text;
    arguments->list[arguments->count] = NULL;
}

void arguments_free(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        free(arguments->list[i]);
    free(arguments->list);
    *arguments = (struct arguments){0};
}

char *arguments_text(const struct arguments *arguments, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < arguments->count && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", arguments->list[i]);
    return text;
}

static bool refuse(struct error *error, const struct arguments *arguments, int reason)
{
    return error_set(error, ERROR_IO, "cannot start %s: %s", arguments->list[0], strerror(reason));
}

/* A command line that lacks a word would say something else. */
static bool complete(const struct arguments *arguments, struct error *error)
{
    return (!arguments->failed && arguments->count > 0) ||
           error_set(error, ERROR_MEMORY, "no memory for a command line");
}

static bool wait_for(pid_t child, int *status)
{
    while (waitpid(child, status, 0) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* In the child: the kernel kills it with its parent, unless that has ended before it was asked to.
 * Handlers of the parent's do not run here. */
static bool tie(const int streams[3], pid_t parent)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return false;
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    for (int i = 0; i < 3; i++)
        if (streams[i] >= 0 && streams[i] != i && dup2(streams[i], i) < 0)
            return false;
    return true;
}

/* Why the program cannot be started comes back through a pipe,
 * which starting it closes. */
bool process_start(const struct arguments *arguments, const int streams[3], pid_t *child,
                   struct error *error)
{
    int ends[2], reason = 0;
    const pid_t parent = getpid();
    if (!complete(arguments, error))
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse(error, arguments, errno);
    fflush(NULL);
    *child = fork();
    if (*child == 0) {
        if (tie(streams, parent))
            execvp(arguments->list[0], arguments->list);
        reason = errno;
        _exit(write(ends[1], &reason, sizeof reason) > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    if (*child < 0)
        reason = errno;
    close(ends[1]);
    while (*child > 0 && read(ends[0], &reason, sizeof reason) < 0 && errno == EINTR)
        ;
    close(ends[0]);
    if (*child > 0 && reason)
        wait_for(*child, &(int){0});
    return reason == 0 || refuse(error, arguments, reason);
}

bool process_fork(const int streams[3], pid_t *child, struct error *error)
{
    const pid_t parent = getpid();
    fflush(NULL);
    *child = fork();
    if (*child == 0 && !tie(streams, parent))
        _exit(EXIT_FAILURE);
    return *child >= 0 || error_set(error, ERROR_IO, "cannot start a process: %s", strerror(errno));
}

static bool read_pipe(int descriptor, struct buffer *output)
{
    for (;;) {
        uint8_t *at = buffer_extend(output, 4096);
        ssize_t size = at ? read(descriptor, at, 4096) : 0;
        output->size -= at ? 4096 - (size_t)(size > 0 ? size : 0) : 0;
        if (size <= 0 && !(size < 0 && errno == EINTR))
            return size == 0;
    }
}

bool process_capture(const struct arguments *arguments, int input, struct buffer *output,
                     int *status, struct error *error)
{
    int ends[2];
    pid_t child = -1;
    if (!complete(arguments, error))
        return false;
    int nothing = input < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        if (nothing >= 0)
            close(nothing);
        return refuse(error, arguments, errno);
    }
    const int streams[3] = {input < 0 ? nothing : input, ends[1], ends[1]};
    bool good = process_start(arguments, streams, &child, error);
    close(ends[1]);
    bool read = good && read_pipe(ends[0], output);
    close(ends[0]);
    if (nothing >= 0)
        close(nothing);
    return good && ((wait_for(child, status) && read) || refuse(error, arguments, errno));
}
