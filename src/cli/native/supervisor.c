#include "cli/native/supervisor.h"
#include "cli/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/native/abroad.h"
#include "cli/native/control.h"
#include "cli/native/envelopes.h"
#include "cli/native/lines.h"
#include "cli/native/move.h"
#include "cli/native/remote.h"
#include "cli/native/sealing.h"
#include "cli/progress.h"
#include "cli/start.h"
#include "host/host.h"

#define COURIER_MILLISECONDS 5
#define RESTORE_MILLISECONDS 5

/* ---- signals: a byte each in a pipe */

static int signals[2] = {-1, -1};

static void on_signal(int number)
{
    int reason = errno;
    char byte = (char)number;
    (void)!write(signals[1], &byte, 1);
    errno = reason;
}

static bool catch_signals(struct error *error)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (pipe2(signals, O_CLOEXEC | O_NONBLOCK) != 0)
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
        supervisor->place->kind->signal(supervisor->place, byte);
    }
}

/* ---- the client */

bool supervisor_tell(struct supervisor *supervisor, const char *word, const char *format, ...)
{
    char text[1024];
    va_list list;
    size_t used = (size_t)snprintf(text, sizeof text, "%s ", word);
    va_start(list, format);
    vsnprintf(text + used, sizeof text - used - 1, format, list);
    va_end(list);
    used = strlen(text);
    text[used++] = '\n';
    return supervisor->client >= 0 &&
           send(supervisor->client, text, used, MSG_NOSIGNAL) == (ssize_t)used;
}

bool is_cancelled(const struct supervisor *supervisor)
{
    struct pollfd client = {.fd = supervisor->client};
    return supervisor->client >= 0 && poll(&client, 1, 0) > 0 && (client.revents & POLLHUP);
}

static bool read_wish(int client, struct buffer *text)
{
    for (;;) {
        struct pollfd ready = {.fd = client, .events = POLLIN};
        uint8_t bytes[4096];
        ssize_t size = poll(&ready, 1, 2000) > 0 ? read(client, bytes, sizeof bytes) : -1;
        if (size <= 0) {
            buffer_put_u8(text, 0);
            return size == 0 && !text->failed;
        }
        buffer_put(text, bytes, (size_t)size);
    }
}

static struct place *new_place(struct supervisor *supervisor)
{
    struct place *place = calloc(1, sizeof *place);
    if (place)
        place->supervisor = supervisor;
    return place;
}

static void free_place(struct place *place)
{
    if (place->abroad)
        abroad_close(place);
    runner_free(&place->runner);
    lines_free(&place->dirs);
    free(place);
}

static bool name_local(struct place *place, const char *host, struct error *error)
{
    place->kind = &local_kind;
    snprintf(place->name, sizeof place->name, "%s", host);
    return strcmp(host, "native") == 0 || (place->host = host_named(host, error)) != NULL;
}

static bool migrate(struct supervisor *supervisor, const char *lines, bool *lost,
                    struct error *error)
{
    struct place *from = supervisor->place, *to = new_place(supervisor);
    struct wanted wanted = {.files = line_number(lines, "files")};
    char host[64] = "native", target[256];
    if (!to)
        return error_set(error, ERROR_MEMORY, "no memory to move a guest");
    file_value(lines, "host", host, sizeof host);
    lines_of(lines, "embed", lines_add, &wanted.embed);
    lines_of(lines, "dir", lines_add, &to->dirs);
    bool good = file_value(lines, "to", target, sizeof target)
                    ? abroad_open(to, target, host, lines, error)
                    : name_local(to, host, error);
    supervisor->coming = to;
    good = good && move_guest(supervisor, to, &wanted, lost, error);
    supervisor->coming = NULL;
    if (good)
        registry_set_host(&supervisor->entry, to->name, NULL);
    free_place(good ? from : to);
    lines_free(&wanted.embed);
    return good;
}

/* False when nobody knows where the guest goes on. */
static bool serve(struct supervisor *supervisor, int listening)
{
    struct buffer text = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    bool lost = false;
    supervisor->client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (supervisor->client < 0)
        return true;
    if (read_wish(supervisor->client, &text)) {
        if (migrate(supervisor, (const char *)text.data, &lost, &error))
            supervisor_tell(supervisor, "done", "%s", supervisor->place->name);
        else
            supervisor_tell(supervisor, error.kind == ERROR_USAGE ? "usage" : "error", "%s",
                            error.message);
    }
    if (lost)
        report(&error, EXIT_FAILED);
    buffer_free(&text);
    close(supervisor->client);
    supervisor->client = -1;
    return !lost;
}

/* ---- until its end */

/* The terminal is the guest's once it is restored, which it says (cli/session.c). */
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

static void service(struct supervisor *supervisor)
{
    pass_signals(supervisor);
    runner_look(&supervisor->place->runner);
    abroad_service(supervisor);
}

int supervise(struct supervisor *supervisor)
{
    int listening = control_listen(&supervisor->entry);
    bool known = true;
    while (known && !supervisor->place->kind->has_ended(supervisor->place)) {
        struct pollfd waits[2 + ABROAD_WAITS] = {{.fd = signals[0], .events = POLLIN},
                                                 {.fd = listening, .events = POLLIN}};
        int timeout = -1;
        if (supervisor->place->runner.courier.carries)
            timeout = COURIER_MILLISECONDS;
        look_at_restore(supervisor, &timeout);
        nfds_t count = 2 + abroad_waits(supervisor, waits + 2, &timeout);
        if (poll(waits, count, timeout) < 0 && errno != EINTR)
            break;
        service(supervisor);
        if (waits[1].revents & POLLIN)
            known = serve(supervisor, listening);
    }
    progress_forbid();
    if (listening >= 0)
        close(listening);
    if (known)
        return supervisor->place->kind->exit_code(supervisor->place, stderr);
    runner_end(&supervisor->place->runner, 0);
    return EXIT_FAILED; /* serve has said why */
}

void supervise_alone(struct supervisor *supervisor)
{
    struct error error = {.offset = ERROR_NO_OFFSET};
    progress_forbid();
    supervisor->service = service;
    if (catch_signals(&error))
        supervise(supervisor);
    else
        report(&error, EXIT_FAILED);
    runner_end(&supervisor->place->runner, 0);
    free_place(supervisor->place);
}

/* ---- its beginning */

static int begin(struct supervisor *supervisor, const struct host *host, const char *name)
{
    const struct options *given = supervisor->options;
    struct options options = *given;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int code = EXIT_FAILED;
    struct place *place = supervisor->place = new_place(supervisor);
    if (!place)
        return EXIT_FAILED;
    place->kind = &local_kind;
    place->host = host;
    snprintf(place->name, sizeof place->name, "%s", name);
    if (!catch_signals(&error) ||
        (!host && !listeners_open(&options.listeners, &options.listen, &error)) ||
        !runner_start(&place->runner, host, &supervisor->entry, supervisor->command, &options,
                      (int[]){-1, -1, -1}, &error)) {
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
    listeners_free(options.listeners, options.listen.count);
    free_place(supervisor->place);
    return code;
}

/* ---- tiers */

/* In a process of its own: makes all that the sealed guest needs, then asks the interpreted one for
 * a checkpoint. */
_Noreturn static void prepare_move(const struct supervisor *supervisor, const struct host *host,
                                   struct span module, const char *snapshot)
{
    char path[REGISTRY_PATH_MAX], sealed[PATH_ROOM], text[REGISTRY_PATH_MAX + 16];
    struct arguments unused = {0};
    progress_forbid();
    if (nice(10) == -1 ||
        !sealed_module(host, supervisor->options->positional[0], module, 0, sealed, NULL) ||
        !host_command(host, sealed, NULL, &unused, NULL))
        _exit(1);
    snprintf(text, sizeof text, "snapshot=%s\n", snapshot);
    _exit(file_write(registry_path(&supervisor->entry, "request", path), text, NULL) ? 0 : 1);
}

/* Interpreted at once; sealed as soon as that is done, by a checkpoint and a restore. */
static int run_auto(struct supervisor *supervisor, const struct host *host, const char *name,
                    struct span module)
{
    struct options options = *supervisor->options;
    char snapshot[REGISTRY_PATH_MAX], answer[REGISTRY_PATH_MAX];
    const char *positional[] = {registry_path(&supervisor->entry, "moved", snapshot), NULL};
    fflush(NULL);
    pid_t mover = fork();
    if (mover == 0)
        prepare_move(supervisor, host, module, snapshot);
    int code = begin(supervisor, host, name);
    if (mover > 0) {
        kill(mover, SIGTERM);
        waitpid(mover, NULL, 0);
    }
    if (code != EXIT_CHECKPOINTED || access(snapshot, R_OK) != 0)
        return code;
    unlink(registry_path(&supervisor->entry, "answer", answer));
    options.tier = TIER_SEALED;
    options.positional = positional;
    options.npositional = 1;
    const struct options *given = supervisor->options;
    supervisor->options = &options;
    supervisor->command = COMMAND_RESTORE;
    code = begin(supervisor, host, name);
    supervisor->options = given;
    return code;
}

/* With keys a guest is not moved: the snapshot in between would be in the clear. */
static int run_in_tier(struct supervisor *supervisor, const struct host *host, const char *name)
{
    const struct options *given = supervisor->options;
    struct options options = *given;
    struct buffer bytes = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    if (given->tier != TIER_AUTO || !host || envelopes_wrap(given) ||
        given->require_signature.count > 0)
        return begin(supervisor, host, name);
    if (!guest_module(supervisor->command, given, &bytes, NULL, &error))
        return report(&error, EXIT_FAILED);
    struct span module = {bytes.data, (uint32_t)bytes.size};
    supervisor->options = &options;
    options.tier = sealed_is_there(host, module) ? TIER_SEALED : TIER_INTERPRETER;
    int code = options.tier == TIER_SEALED ? begin(supervisor, host, name)
                                           : run_auto(supervisor, host, name, module);
    supervisor->options = given;
    buffer_free(&bytes);
    return code;
}

/* Sockets of a guest in a host: whether that can give some, and will say no port. */
static bool host_can_listen(const struct host *host, const struct options *options,
                            struct error *error)
{
    for (uint32_t i = 0; i < options->listen.count; i++) {
        const char *address = options->listen.items[i], *port = strrchr(address, ':');
        if (!host->listen) {
            char names[HOST_NAMES];
            host_names(true, names);
            return error_set(error, ERROR_USAGE,
                             "--listen %s: host %s has no sockets to give; there are: %s", address,
                             host->name, names);
        }
        if (options->tier != TIER_INTERPRETER)
            return error_set(error, ERROR_USAGE, "--listen %s: not with --tier sealed or auto",
                             address);
        if (!port || atoi(port + 1) == 0)
            return error_set(error, ERROR_USAGE,
                             "--listen %s: host %s wants ADDRESS:PORT, and does not tell which "
                             "port 0 became",
                             address, host->name);
    }
    return true;
}

static int start_with_keys(enum command command, const struct options *options, int *ended_by)
{
    struct supervisor supervisor = {.command = command,
                                    .options = options,
                                    .client = -1,
                                    .service = service,
                                    .input = {.pipe = {-1, -1}},
                                    .output = -1,
                                    .errors = -1,
                                    .begun = host_monotonic()};
    struct error error = {.offset = ERROR_NO_OFFSET};
    const char *name = options->host ? options->host : "native";
    const struct host *host = NULL;
    if (strcmp(name, "native") != 0 && !(host = host_named(name, &error)))
        return report(&error, EXIT_USAGE);
    if (host && !host_can_listen(host, options, &error))
        return report(&error, EXIT_USAGE);
    if (!host && options->tier == TIER_SEALED) {
        error_set(&error, ERROR_USAGE,
                  "--tier sealed: a sealed guest runs in a host (give one by --host)");
        return report(&error, EXIT_USAGE);
    }
    char snapshot[PATH_MAX] = "";
    if (options->snapshot && !absolute_path(options->snapshot, snapshot, &error))
        return report(&error, EXIT_FAILED);
    supervisor.entry =
        (struct registered){.wraps = envelopes_wrap(options), .hosted = options->request != NULL};
    if (!registry_add(&supervisor.entry, options->name, name, options->positional[0], snapshot,
                      &error))
        return report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    int exit_code_ = run_in_tier(&supervisor, host, name);
    if (!registry_has_snapshot(&supervisor.entry)) /* else `yado checkpoint` is about to fetch it */
        registry_remove(&supervisor.entry);
    *ended_by = supervisor.ended_by;
    return exit_code_;
}

/* Keys are read once, and wrong ones told of before anything runs. */
int start_native(enum command command, const struct options *options)
{
    struct envelopes envelopes;
    struct error error = {.offset = ERROR_NO_OFFSET};
    struct options own = *options;
    int ended_by = 0;
    own.envelopes = &envelopes;
    int code = envelopes_load(&envelopes, options, &error)
                   ? start_with_keys(command, &own, &ended_by)
                   : report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    envelopes_wipe(&envelopes);
    if (ended_by) { /* this process ends as its guest did */
        signal(ended_by, SIG_DFL);
        raise(ended_by);
    }
    return code;
}
