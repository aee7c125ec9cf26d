#include "cli/native/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/listen.h"
#include "cli/native/abroad.h"
#include "cli/native/client.h"
#include "cli/native/doorbell.h"
#include "cli/native/guest_streams.h"
#include "cli/native/lines.h"
#include "cli/native/move.h"
#include "cli/native/preparing.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/start.h"
#include "host/host.h"

#define RESTORE_MILLISECONDS 5
#define TIDY_MILLISECONDS    1000

/* ---- signals: a byte each in a pipe */

static int signals[2] = {-1, -1};

static void on_signal(int number)
{
    int reason = errno;
    char byte = (char)number;
    (void)!write(signals[1], &byte, 1);
    preparing_signal(number);
    errno = reason;
}

static bool catch_signals(struct error *error)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (signals[0] < 0 && pipe2(signals, O_CLOEXEC | O_NONBLOCK) != 0)
        return error_set(error, ERROR_IO, "cannot make a pipe: %s", strerror(errno));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return true;
}

static void pass_signals(struct supervisor *supervisor)
{
    char byte;
    while (read(signals[0], &byte, 1) == 1) {
        if (byte == SIGCHLD)
            continue;
        if (supervisor->place->kind->has_ended(supervisor->place))
            supervisor->interrupted = (unsigned char)byte;
        else
            supervisor->place->kind->signal(supervisor->place, (unsigned char)byte);
    }
}

/* The place that is wanted; and how the guest's files and directories go there. */
static bool open_place(struct place *to, struct wanted *wanted, const char *lines,
                       struct error *error)
{
    char *host = NULL, *target = NULL;
    bool good = line_text(lines, "host", &host, error) && line_text(lines, "to", &target, error) &&
                lines_list(lines, "embed", &wanted->embed, error) &&
                lines_list(lines, "dir", &to->dirs, error);
    const char *name = host ? host : "native";
    if (good)
        good = target ? abroad_open(to, target, name, lines, error) : local_open(to, name, error);
    free(target);
    free(host);
    return good;
}

static bool migrate(struct supervisor *supervisor, const char *lines, bool *lost,
                    struct error *error)
{
    struct place *from = supervisor->place, *to = place_new(supervisor);
    struct wanted wanted = {.files = line_number(lines, "files")};
    if (!to)
        return error_set(error, ERROR_MEMORY, "no memory to move a guest");
    bool good = open_place(to, &wanted, lines, error);
    supervisor->coming = to;
    good = good && move_guest(supervisor, to, &wanted, lost, error);
    supervisor->coming = NULL;
    if (good)
        registry_set_host(&supervisor->entry, to->name, NULL);
    place_free(good ? from : to);
    lines_free(&wanted.embed);
    return good;
}

/* False when nobody knows where the guest goes on. */
static bool serve(struct supervisor *supervisor)
{
    struct buffer text = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    bool lost = false;
    supervisor->client = accept4(supervisor->doorbell, NULL, NULL, SOCK_CLOEXEC);
    if (supervisor->client < 0)
        return true;
    if (client_wish(supervisor->client, &text)) {
        if (migrate(supervisor, (const char *)text.data, &lost, &error))
            client_tell(supervisor, "done", "%s", supervisor->place->name);
        else
            client_tell(supervisor, error.kind == ERROR_USAGE ? "usage" : "error", "%s",
                        error.message);
    }
    if (lost)
        report(&error, EXIT_FAILED);
    buffer_free(&text);
    client_end(supervisor);
    return !lost;
}

/* ---- until its end */

/* The terminal is the guest's once it is restored, which it says (cli/play.c). */
static void look_at_restore(struct supervisor *supervisor, int *timeout)
{
    char path[REGISTRY_PATH_MAX];
    if (!progress_is_on())
        return;
    if (file_exists(registry_path(&supervisor->entry, "status.restored", path)))
        progress_forbid();
    else
        *timeout = RESTORE_MILLISECONDS;
}

void supervisor_tidy(struct supervisor *supervisor)
{
    uint64_t now = host_monotonic();
    if (now - supervisor->tidied < TIDY_MILLISECONDS * 1000000ull)
        return;
    supervisor->tidied = now;
    entry_tidy(&supervisor->entry);
}

void supervisor_service(struct supervisor *supervisor)
{
    pass_signals(supervisor);
    client_tell_more(supervisor);
    supervisor_tidy(supervisor);
    streams_service(supervisor);
    supervisor->place->kind->service(supervisor->place);
    if (supervisor->coming)
        supervisor->coming->kind->service(supervisor->coming);
}

/* As soon as the guest is registered: who rings before it runs, or while it changes its tier, waits
 * until it is looked after. It is there until this process ends. */
static void hang_doorbell(struct supervisor *supervisor)
{
    if (!supervisor->has_doorbell)
        supervisor->doorbell = doorbell_listen(&supervisor->entry);
    supervisor->has_doorbell = true;
}

int supervise(struct supervisor *supervisor)
{
    bool known = true;
    hang_doorbell(supervisor);
    while (known && !supervisor->place->kind->has_ended(supervisor->place)) {
        struct pollfd waits[2 + STREAMS_WAITS + PLACE_WAITS] = {
            {.fd = signals[0], .events = POLLIN}, {.fd = supervisor->doorbell, .events = POLLIN}};
        int timeout = TIDY_MILLISECONDS;
        nfds_t count = 2 + streams_waits(supervisor, waits + 2);
        count += supervisor->place->kind->waits(supervisor->place, waits + count, &timeout);
        look_at_restore(supervisor, &timeout);
        if (poll(waits, count, timeout) < 0 && errno != EINTR)
            break;
        supervisor_service(supervisor);
        if (waits[1].revents & POLLIN)
            known = serve(supervisor);
    }
    progress_forbid();
    /* when it is not known, serve has said why */
    return known ? supervisor->place->kind->exit_code(supervisor->place, stderr) : EXIT_FAILED;
}

void supervise_alone(struct supervisor *supervisor)
{
    struct error error = {.offset = ERROR_NO_OFFSET};
    progress_forbid();
    supervisor->service = supervisor_service;
    if (catch_signals(&error))
        supervise(supervisor);
    else
        report(&error, EXIT_FAILED);
    place_free(supervisor->place);
}

/* ---- its beginning */

/* Until the guest's process is there, signals are this one's own. */
static bool start_runner(struct supervisor *supervisor, const struct host *host,
                         struct options *options, struct error *error)
{
    preparing_begin(&supervisor->entry);
    hang_doorbell(supervisor);
    bool good =
        catch_signals(error) &&
        (host || listeners_open(&options->guest.listeners, &options->guest.listen, error)) &&
        runner_start(&supervisor->place->runner, host, &supervisor->entry, supervisor->command,
                     options, (int[]){-1, -1, -1}, error);
    preparing_end();
    return good;
}

int supervisor_begin(struct supervisor *supervisor, const struct host *host, const char *name)
{
    const struct options *given = supervisor->options;
    struct options options = *given;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int code = EXIT_FAILED;
    struct place *place = supervisor->place = place_new(supervisor);
    if (!place)
        return EXIT_FAILED;
    if (!local_open(place, name, &error) || !start_runner(supervisor, host, &options, &error)) {
        report(&error, EXIT_FAILED);
    } else {
        supervisor->options = &options;
        if (supervisor->command == COMMAND_RESTORE)
            progress_begin("restoring %s", supervisor->entry.name);
        else
            progress_forbid();
        code = supervise(supervisor);
    }
    supervisor->options = given;
    listeners_free(options.guest.listeners, options.guest.listen.count);
    place_free(supervisor->place);
    return code;
}
