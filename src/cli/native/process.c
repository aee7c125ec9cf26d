#include "cli/native/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/host.h"

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

/* What is to be read of a child, until when; host_monotonic, or 0: as long as that takes. */
struct reading {
    int pipe;
    uint64_t end;
    struct buffer *output;
};

static int milliseconds_left(const struct reading *reading)
{
    uint64_t now = host_monotonic();
    if (!reading->end)
        return -1;
    return reading->end <= now ? 0 : (int)((reading->end - now) / 1000000 + 1);
}

/* Why there is no more: NULL when the child has ended, or has closed its output. */
static const char *read_pipe(const struct reading *reading)
{
    struct pollfd ready = {.fd = reading->pipe, .events = POLLIN};
    for (;;) {
        int some = poll(&ready, 1, milliseconds_left(reading));
        if (some == 0)
            return "it does not end in time";
        uint8_t *at = some > 0 ? buffer_extend(reading->output, 4096) : NULL;
        ssize_t size = at ? read(reading->pipe, at, 4096) : -1;
        int why = errno;
        reading->output->size -= at ? 4096 - (size_t)(size > 0 ? size : 0) : 0;
        if (size == 0)
            return NULL;
        if (reading->output->size > CAPTURED_MAX)
            return "it prints without end";
        if (some > 0 && !at)
            return "no memory for what it prints";
        if (size < 0 && why != EINTR)
            return strerror(why);
    }
}

/* The child may have closed its output and go on. */
static const char *wait_until(const struct reading *reading, pid_t child, int *status)
{
    const struct timespec pause = {0, 5000000};
    if (!reading->end)
        return wait_for(child, status) ? NULL : strerror(errno);
    for (pid_t ended; (ended = waitpid(child, status, WNOHANG)) <= 0; nanosleep(&pause, NULL)) {
        if (ended < 0 && errno != EINTR)
            return strerror(errno);
        if (milliseconds_left(reading) == 0)
            return "it does not end in time";
    }
    return NULL;
}

/* Takes all that a child prints, and its end. One that does not come to an end gets one; what a
 * start script has started ends with it, or by the pipe that nobody reads any more. */
static bool take_all(const struct reading *reading, pid_t child, int *status,
                     const struct arguments *arguments, struct error *error)
{
    const char *why = read_pipe(reading);
    if (!why)
        why = wait_until(reading, child, status);
    if (!why)
        return true;
    kill(child, SIGKILL);
    wait_for(child, status);
    return error_set(error, ERROR_IO, "%s: %s", arguments->list[0], why);
}

bool process_capture(const struct arguments *arguments, int input, unsigned seconds,
                     struct buffer *output, int *status, struct error *error)
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
    const struct reading reading = {
        ends[0], seconds ? host_monotonic() + seconds * 1000000000ull : 0, output};
    bool good = process_start(arguments, streams, &child, error);
    close(ends[1]);
    good = good && take_all(&reading, child, status, arguments, error);
    close(ends[0]);
    if (nothing >= 0)
        close(nothing);
    return good;
}
