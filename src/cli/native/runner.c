#include "cli/native/runner.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/envelopes.h"
#include "cli/native/inputs.h"
#include "cli/native/remote.h"
#include "cli/play.h"
#include "cli/print.h"

#define SIGNAL_BASE 128 /* of the exit code that stands for a signal, as shells have it */

/* What the parent has open is not the child's: a pipe whose writing end stays open here never
 * ends. */
static void close_others(const struct options *options)
{
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *item; directory && (item = readdir(directory));) {
        int descriptor = atoi(item->d_name);
        bool kept =
            descriptor < 3 || descriptor == dirfd(directory) || input_is_descriptor(descriptor);
        for (uint32_t i = 0; options->guest.listeners && i < options->guest.listen.count; i++)
            kept |= options->guest.listeners[i].handle == descriptor;
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
    char path[PATH_ROOM], base[PATH_ROOM], request[REGISTRY_PATH_MAX], answer[REGISTRY_PATH_MAX],
        status[REGISTRY_PATH_MAX];
    close_others(given);
    const char *module = options.positional[0];
    if (absolute_path(module, path, NULL)) {
        if (!options.guest.arg0)
            options.guest.arg0 = module;
        options.positional[0] = path; /* noted in the snapshot: found from anywhere */
    }
    if (options.snapshots.base && absolute_path(options.snapshots.base, base, NULL))
        options.snapshots.base = base; /* likewise */
    /* Given when it is another yado's host (scripts/hosts/cpus.conf): then that one asks. */
    if (!options.snapshots.request)
        options.snapshots.request = registry_path(entry, "request", request);
    if (!options.snapshots.answer)
        options.snapshots.answer = registry_path(entry, "answer", answer);
    if (!options.status_file && command == COMMAND_RESTORE)
        options.status_file = registry_path(entry, "status", status);
    if (!options.snapshots.host_note)
        options.snapshots.host_note = "native";
    if (!options.snapshots.envelopes && !envelopes_load(&own, &options.snapshots, &error))
        return report(&error, EXIT_FAILED);
    if (!options.snapshots.envelopes)
        options.snapshots.envelopes = &own;
    options.snapshots.wrapping =
        envelopes_wrap(&options.snapshots) ? &options.snapshots.envelopes->wrapping : NULL;
    options.snapshots.unwrapping = &options.snapshots.envelopes->unwrapping;
    signal(SIGPIPE, SIG_IGN); /* the guest gets the error, as in every host */
    int exit_code = command == COMMAND_RUN ? play_run(&options) : play_restore(&options);
    envelopes_wipe(options.snapshots.envelopes);
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
    if (!options->guest.standby)
        return;
    (void)path_set(runner->directory, NULL, "%s", options->positional[0]);
    runner->standby[0] = runner->directory;
    runner->options.positional = runner->standby;
    if (options->guest.module) {
        (void)path_set(runner->module, NULL, "%s", options->guest.module);
        runner->options.guest.module = runner->module;
    }
}

/* For `yado checkpoint`, whose messages name it. */
static bool note_command(const struct runner *runner, const struct registered *entry,
                         struct error *error)
{
    char path[REGISTRY_PATH_MAX], text[4096], line[4200];
    snprintf(line, sizeof line, "command=%s\n",
             arguments_text(&runner->arguments, text, sizeof text));
    return file_write(registry_path(entry, "command", path), line, error);
}

static bool not_started(const struct runner *runner, struct error *error)
{
    char label[256], command[1024];
    struct error why = *error;
    return error_set(error, ERROR_IO, "%s: %s; command: %s", host_label(runner->host, label),
                     why.message, arguments_text(&runner->arguments, command, sizeof command));
}

bool runner_start(struct runner *runner, const struct host *host, const struct registered *entry,
                  enum command command, const struct options *options, const int streams[3],
                  struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    *runner = (struct runner){.host = host};
    copy_options(runner, options);
    unlink(registry_path(entry, "status", path));
    unlink(registry_path(entry, "status.restored", path));
    if (!host)
        return start_here(runner, entry, command, &runner->options, streams, error);
    return inputs_lend(&runner->options, entry, error) &&
           courier_begin(&runner->courier, command, &runner->options, entry, error) &&
           remote_command(host, entry, command, &runner->courier, &runner->arguments, error) &&
           note_command(runner, entry, error) &&
           (process_start(&runner->arguments, streams, &runner->pid, error) ||
            not_started(runner, error));
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
    if (runner->host)
        courier_end(&runner->courier);
    arguments_free(&runner->arguments);
    *runner = (struct runner){0};
}

/* "host NAME (VERSION) ended with exit code 3" */
static void ending(const struct runner *runner, char text[320])
{
    char label[256];
    int status = runner->status;
    snprintf(text, 320, "%s ended with %s %d", host_label(runner->host, label),
             WIFSIGNALED(status) ? "signal" : "exit code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

bool runner_says(const struct runner *runner, struct error *error)
{
    char text[320], command[1024];
    ending(runner, text);
    if (!runner->host)
        return error_set(error, ERROR_IO, "%s", text);
    return error_set(error, ERROR_IO,
                     "%s; what it printed is in the output of the guest's `yado run`; command: %s",
                     text, arguments_text(&runner->arguments, command, sizeof command));
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

static int host_failed(const struct runner *runner, FILE *errors)
{
    char text[320], command[8192];
    ending(runner, text);
    print_line(errors,
               "yado: %s and without the guest's exit code; what it printed is above; command: %s",
               text, arguments_text(&runner->arguments, command, sizeof command));
    return EXIT_FAILED;
}

/* The signal that ended it, of those that are passed on to a host; natively any. 0: none. Some hosts
 * catch it, and exit with the code that a shell would show. */
static int signal_of(const struct runner *runner)
{
    int number = WIFSIGNALED(runner->status) ? WTERMSIG(runner->status)
                 : runner->host              ? WEXITSTATUS(runner->status) - SIGNAL_BASE
                                             : 0;
    bool passed = number == SIGINT || number == SIGTERM || number == SIGHUP;
    return !runner->host || passed ? number : 0;
}

int runner_signal(const struct runner *runner)
{
    return runner->host ? 0 : signal_of(runner);
}

int runner_exit_code(struct runner *runner, const struct registered *entry, FILE *errors)
{
    int exit_code = EXIT_FAILED;
    /* A sealed guest's status stands there before it ends: its traps are the host's. */
    bool crashed =
        runner->options.tier == TIER_SEALED && (WIFSIGNALED(runner->status) || signal_of(runner));
    runner_look(runner);
    if (runner->host && !crashed && read_status(entry, &exit_code))
        return runner->courier.failed ? EXIT_FAILED : exit_code;
    if (signal_of(runner))
        return SIGNAL_BASE + signal_of(runner);
    return runner->host ? host_failed(runner, errors) : WEXITSTATUS(runner->status);
}
