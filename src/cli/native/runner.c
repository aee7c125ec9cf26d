#include "cli/native/runner.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/native/envelopes.h"
#include "cli/native/remote.h"
#include "cli/session.h"

/* What the parent has open is not the child's: a pipe whose writing end stays open here never
 * ends. */
static void close_others(const struct options *options)
{
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *item; directory && (item = readdir(directory));) {
        int descriptor = atoi(item->d_name);
        bool kept = descriptor < 3 || descriptor == dirfd(directory);
        for (uint32_t i = 0; options->listeners && i < options->listen.count; i++)
            kept |= options->listeners[i].handle == descriptor;
        if (!kept)
            close(descriptor);
    }
    if (directory)
        closedir(directory);
}

/* The guest itself, in a child of this process. */
static int run_here(const struct registered *entry, enum command command,
                    const struct options *given)
{
    struct options options = *given;
    struct envelopes own;
    struct error error = {.offset = ERROR_NO_OFFSET};
    char path[PATH_MAX], base[PATH_MAX], request[REGISTRY_PATH_MAX], answer[REGISTRY_PATH_MAX];
    close_others(given);
    const char *module = options.positional[0];
    if (absolute_path(module, path, NULL)) {
        if (!options.arg0)
            options.arg0 = module;
        options.positional[0] = path; /* noted in the snapshot: found from anywhere */
    }
    if (options.base && absolute_path(options.base, base, NULL))
        options.base = base; /* likewise */
    /* Given when it is another yado's host (scripts/hosts/cpus.conf): then that one asks. */
    if (!options.request)
        options.request = registry_path(entry, "request", request);
    if (!options.answer)
        options.answer = registry_path(entry, "answer", answer);
    if (!options.host_note)
        options.host_note = "native";
    if (!options.envelopes && !envelopes_load(&own, &options, &error))
        return report(&error, EXIT_FAILED);
    if (!options.envelopes)
        options.envelopes = &own;
    options.wrapping = envelopes_wrap(&options) ? &options.envelopes->wrapping : NULL;
    options.unwrapping = &options.envelopes->unwrapping;
    signal(SIGPIPE, SIG_IGN); /* the guest gets the error, as in every host */
    int exit_code = command == COMMAND_RUN ? session_run(&options) : session_restore(&options);
    envelopes_wipe(options.envelopes);
    options.positional[0] = module;
    return exit_code;
}

static bool start_here(struct runner *runner, const struct registered *entry, enum command command,
                       const struct options *options, const int streams[3], struct error *error)
{
    if (!process_fork(streams, &runner->pid, error))
        return false;
    if (runner->pid == 0)
        exit(run_here(entry, command, options));
    return true;
}

/* A move is over before its guest is: what it said is copied. */
static void copy_options(struct runner *runner, const struct options *options)
{
    runner->options = *options;
    if (!options->standby)
        return;
    snprintf(runner->directory, sizeof runner->directory, "%s", options->positional[0]);
    runner->standby[0] = runner->directory;
    runner->options.positional = runner->standby;
    if (options->module) {
        snprintf(runner->module, sizeof runner->module, "%s", options->module);
        runner->options.module = runner->module;
    }
}

bool runner_start(struct runner *runner, const struct host *host, const struct registered *entry,
                  enum command command, const struct options *options, const int streams[3],
                  struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    *runner = (struct runner){.host = host};
    copy_options(runner, options);
    unlink(registry_path(entry, "status", path));
    if (!host)
        return start_here(runner, entry, command, &runner->options, streams, error);
    return courier_begin(&runner->courier, command, &runner->options, entry, error) &&
           remote_command(host, entry, command, &runner->courier, &runner->arguments, error) &&
           process_start(&runner->arguments, streams, &runner->pid, error);
}

void runner_look(struct runner *runner)
{
    if (runner->host && runner->pid)
        courier_look(&runner->courier);
}

bool runner_has_ended(struct runner *runner)
{
    if (runner->pid && !runner->ended)
        runner->ended = waitpid(runner->pid, &runner->status, WNOHANG) == runner->pid;
    return runner->ended;
}

void runner_end(struct runner *runner, unsigned milliseconds)
{
    const struct timespec pause = {0, 1000000};
    for (; runner->pid && !runner_has_ended(runner) && milliseconds; milliseconds--)
        nanosleep(&pause, NULL);
    if (!runner->pid || runner->ended)
        return;
    kill(runner->pid, SIGKILL);
    while (waitpid(runner->pid, &runner->status, 0) < 0 && errno == EINTR)
        ;
    runner->ended = true;
}

void runner_free(struct runner *runner)
{
    arguments_free(&runner->arguments);
    *runner = (struct runner){0};
}

bool runner_says(const struct runner *runner, struct error *error)
{
    char command[300] = "";
    int status = runner->status;
    return error_set(error, ERROR_IO, "%s ended with %s %d%s%s",
                     runner->host ? runner->host->name : "the native guest",
                     WIFSIGNALED(status) ? "signal" : "exit code",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                     runner->host ? ": " : "",
                     arguments_text(&runner->arguments, command, sizeof command));
}

static bool read_status(const struct registered *entry, int *exit_code)
{
    char path[REGISTRY_PATH_MAX], number[16];
    struct buffer text = {0};
    bool good = file_read(registry_path(entry, "status", path), &text, NULL);
    buffer_put_u8(&text, 0);
    good = good && file_value((const char *)text.data, "exit", number, sizeof number);
    buffer_free(&text);
    if (good)
        *exit_code = atoi(number);
    return good;
}

static int host_failed(const struct runner *runner)
{
    char command[8192], program[1024], version[128] = "";
    int status = runner->status;
    if (host_find(runner->host, program, NULL))
        host_version(runner->host, program, version, NULL);
    fprintf(stderr, "yado: host %s (%s) ended with %s %d and without the guest's exit code: %s\n",
            runner->host->name, version, WIFSIGNALED(status) ? "signal" : "exit code",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
            arguments_text(&runner->arguments, command, sizeof command));
    return EXIT_FAILED;
}

int runner_exit_code(struct runner *runner, const struct registered *entry)
{
    int exit_code = EXIT_FAILED;
    runner_look(runner);
    /* A sealed guest's status stands there before it ends: its traps are the host's. */
    bool crashed = runner->options.tier == TIER_SEALED && WIFSIGNALED(runner->status);
    if (runner->host && (crashed || !read_status(entry, &exit_code)))
        return host_failed(runner);
    if (runner->host)
        return runner->courier.failed ? EXIT_FAILED : exit_code;
    if (WIFEXITED(runner->status))
        return WEXITSTATUS(runner->status);
    signal(WTERMSIG(runner->status), SIG_DFL);
    raise(WTERMSIG(runner->status));
    return EXIT_FAILED;
}
