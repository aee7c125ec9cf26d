#include "cli/native/supervisor.h"
#include "cli/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/abroad.h"
#include "cli/native/asking.h"
#include "cli/native/doorbell.h"
#include "cli/native/envelopes.h"
#include "cli/native/lines.h"
#include "cli/native/move.h"
#include "cli/native/preparing.h"
#include "cli/native/remote.h"
#include "cli/native/sealing.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/start.h"
#include "host/host.h"

#define COURIER_MILLISECONDS 5
#define RESTORE_MILLISECONDS 5
#define TIDY_MILLISECONDS    1000
#define LAST_WORDS_SECONDS   2

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

/* ---- the client */

/* As much as the client takes without waiting; a guest does not wait for one that has stopped. */
static void tell_more(struct supervisor *supervisor)
{
    struct buffer *told = &supervisor->told;
    while (supervisor->client >= 0 && told->size) {
        ssize_t size =
            send(supervisor->client, told->data, told->size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return;
        if (size < 0) /* nobody reads it */
            size = (ssize_t)told->size;
        told->size -= (size_t)size;
        memmove(told->data, told->data + size, told->size);
    }
}

/* Progress that is not read in time is old. */
bool supervisor_tell(struct supervisor *supervisor, const char *word, const char *format, ...)
{
    char text[1024];
    va_list list;
    if (supervisor->client < 0)
        return false;
    if (supervisor->told.size && strcmp(word, "progress") == 0)
        return true;
    size_t used = (size_t)snprintf(text, sizeof text, "%s ", word);
    va_start(list, format);
    vsnprintf(text + used, sizeof text - used - 1, format, list);
    va_end(list);
    used = strlen(text);
    text[used++] = '\n';
    buffer_put(&supervisor->told, text, used);
    tell_more(supervisor);
    return true;
}

/* What is left, for as long as a client that is there needs for it. */
static void end_client(struct supervisor *supervisor)
{
    const uint64_t end = host_monotonic() + LAST_WORDS_SECONDS * 1000000000ull;
    while (supervisor->told.size && host_monotonic() < end) {
        struct pollfd client = {.fd = supervisor->client, .events = POLLOUT};
        poll(&client, 1, 20);
        supervisor->service(supervisor);
        tell_more(supervisor);
    }
    close(supervisor->client);
    supervisor->client = -1;
    buffer_free(&supervisor->told);
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
    end_client(supervisor);
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

void supervisor_tidy(struct supervisor *supervisor)
{
    uint64_t now = host_monotonic();
    if (now - supervisor->tidied < TIDY_MILLISECONDS * 1000000ull)
        return;
    supervisor->tidied = now;
    entry_tidy(&supervisor->entry);
}

static void service(struct supervisor *supervisor)
{
    pass_signals(supervisor);
    tell_more(supervisor);
    supervisor_tidy(supervisor);
    runner_look(&supervisor->place->runner);
    abroad_service(supervisor);
}

int supervise(struct supervisor *supervisor)
{
    int listening = doorbell_listen(&supervisor->entry);
    bool known = true;
    while (known && !supervisor->place->kind->has_ended(supervisor->place)) {
        struct pollfd waits[2 + ABROAD_WAITS] = {{.fd = signals[0], .events = POLLIN},
                                                 {.fd = listening, .events = POLLIN}};
        int timeout = TIDY_MILLISECONDS;
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

/* Until the guest's process is there, signals are this one's own. */
static bool start_runner(struct supervisor *supervisor, const struct host *host,
                         struct options *options, struct error *error)
{
    preparing_begin(&supervisor->entry);
    bool good =
        catch_signals(error) &&
        (host || listeners_open(&options->guest.listeners, &options->guest.listen, error)) &&
        runner_start(&supervisor->place->runner, host, &supervisor->entry, supervisor->command,
                     options, (int[]){-1, -1, -1}, error);
    preparing_end();
    return good;
}

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
    if (!start_runner(supervisor, host, &options, &error)) {
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
    free_place(supervisor->place);
    return code;
}

/* ---- tiers */

/* Asks the guest for the snapshot that it goes on from. The turn is this process's until it is
 * ended, when the guest has been restored. */
static bool ask_to_move(struct registered *entry, const char *snapshot)
{
    const struct timespec pause_ = {0, 5000000};
    const struct registered begun = *entry;
    char id[REQUEST_ID_ROOM];
    struct request request = {.id = id, .snapshot = snapshot};
    struct turn turn = {0};
    struct buffer text = {0};
    while (!turn_try_politely(&turn, entry))
        nanosleep(&pause_, NULL);
    /* It may be somewhere else by now, as somebody wanted it. */
    if (!registry_look(entry) || strcmp(entry->host, begun.host) != 0)
        return false;
    asking_id(id);
    entry_withdraw(entry);
    if (!asking_post(entry, &request, "", NULL))
        return false;
    while (!asking_answered(entry, id, &text))
        nanosleep(&pause_, NULL);
    return asking_was_done(&text, NULL);
}

/* Makes all that the sealed guest needs, in a process that goes on when everybody else has ended, so
 * that the next run finds it. It has nothing of theirs: no streams, no locks. Who makes the same
 * meanwhile is waited for (hosts/cache.h). */
_Noreturn static void make_sealed(const struct supervisor *supervisor, const struct host *host,
                                  struct span module)
{
    char sealed[PATH_ROOM];
    struct arguments unused = {0};
    int nothing = open("/dev/null", O_RDWR);
    setsid();
    for (int i = 0; nothing >= 0 && i < 3; i++)
        dup2(nothing, i);
    close_range(3, ~0U, 0);
    bool good = nice(10) != -1 &&
                sealed_module(host, supervisor->options->positional[0], module, 0, sealed, NULL) &&
                host_command(host, sealed, NULL, &unused, NULL);
    _exit(good ? 0 : 1);
}

static bool make_in_background(const struct supervisor *supervisor, const struct host *host,
                               struct span module)
{
    int status = 1;
    pid_t maker = fork();
    if (maker == 0)
        make_sealed(supervisor, host, module);
    while (maker > 0 && waitpid(maker, &status, 0) < 0 && errno == EINTR)
        ;
    return maker > 0 && status == 0;
}

static double seconds_since(uint64_t then)
{
    return (double)(host_monotonic() - then) / 1e9;
}

static void tell_tier(const struct supervisor *supervisor, const char *format, ...)
    ERROR_PRINTF(2, 3);

static void tell_tier(const struct supervisor *supervisor, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (supervisor->options->verbose)
        print_line(stderr, "yado: --tier auto: %s", text);
}

/* Waits until the guest goes on in the other tier, as it says (cli/session.c). */
static void await_change(const struct supervisor *supervisor)
{
    const struct timespec pause_ = {0, 1000000};
    char restored[REGISTRY_PATH_MAX];
    registry_path(&supervisor->entry, "status.restored", restored);
    while (!file_exists(restored))
        nanosleep(&pause_, NULL);
}

/* In a process of its own: has what the sealed guest needs made, then asks the interpreted one for
 * a checkpoint. */
_Noreturn static void prepare_move(const struct supervisor *supervisor, const struct host *host,
                                   struct span module, const char *snapshot)
{
    struct registered entry = supervisor->entry;
    char restored[REGISTRY_PATH_MAX];
    progress_forbid();
    bool made = make_in_background(supervisor, host, module);
    tell_tier(supervisor,
              made ? "sealed and compiled after %.2f s"
                   : "the module could not be sealed and compiled (%.2f s); the guest "
                     "stays interpreted",
              seconds_since(supervisor->begun));
    uint64_t asked = host_monotonic();
    unlink(registry_path(&entry, "status.restored", restored)); /* of its own beginning */
    if (!made || !ask_to_move(&entry, snapshot))
        _exit(1);
    await_change(supervisor);
    tell_tier(
        supervisor,
        "the guest goes on sealed, %.2f s after its start; it stood still for at most %.0f ms",
        seconds_since(supervisor->begun), seconds_since(asked) * 1000);
    _exit(0);
}

static void end_mover(pid_t mover)
{
    if (mover > 0 && kill(mover, SIGTERM) == 0)
        waitpid(mover, NULL, 0);
}

/* Interpreted at once; sealed as soon as that is done, by a checkpoint and a restore. */
static int run_auto(struct supervisor *supervisor, const struct host *host, const char *name,
                    struct span module)
{
    struct options options = *supervisor->options;
    char snapshot[REGISTRY_PATH_MAX], restored[REGISTRY_PATH_MAX];
    const char *positional[] = {registry_path(&supervisor->entry, "moved", snapshot), NULL};
    const int streams[3] = {-1, -1, -1};
    pid_t mover = 0;
    if (process_fork(streams, &mover, NULL) && mover == 0)
        prepare_move(supervisor, host, module, snapshot);
    int code = begin(supervisor, host, name);
    if (code != EXIT_CHECKPOINTED || access(snapshot, R_OK) != 0) {
        end_mover(mover);
        if (supervisor->options->verbose && !sealed_is_there(host, module))
            tell_tier(supervisor, "the guest ended before it was sealed and compiled, which goes "
                                  "on in the background for the next run");
        return code;
    }
    options.tier = TIER_SEALED;
    options.positional = positional;
    options.npositional = 1;
    const struct options *given = supervisor->options;
    supervisor->options = &options;
    supervisor->command = COMMAND_RESTORE;
    code = begin(supervisor, host, name);
    supervisor->options = given;
    end_mover(mover);
    /* One that could not be restored is not lost: it is kept with what else is there (kept.h). */
    if (code != EXIT_FAILED ||
        file_exists(registry_path(&supervisor->entry, "status.restored", restored)))
        unlink(snapshot);
    return code;
}

/* With keys a guest is not moved: the snapshot in between would be in the clear. */
static int run_in_tier(struct supervisor *supervisor, const struct host *host, const char *name)
{
    const struct options *given = supervisor->options;
    struct options options = *given;
    struct buffer bytes = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    if (given->tier != TIER_AUTO || !host || envelopes_wrap(&given->snapshots) ||
        given->snapshots.require_signature.count > 0)
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
    for (uint32_t i = 0; i < options->guest.listen.count; i++) {
        const char *address = options->guest.listen.items[i], *port = strrchr(address, ':');
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

/* Who asked for the checkpoint may be gone. */
static void say_snapshot(const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX], where[PATH_ROOM];
    struct buffer text = {0};
    if (entry_was_let_go(entry, path) && file_read(path, &text, NULL)) {
        buffer_put_u8(&text, 0);
        if (!text.failed && file_value((const char *)text.data, "snapshot", where, sizeof where))
            print_line(stderr, "yado: %s was checkpointed: its snapshot is %s", entry->name, where);
    }
    buffer_free(&text);
}

/* What others have to know of it. */
static bool describe(struct registered *entry, const struct options *options, char *snapshot,
                     struct error *error)
{
    *entry = (struct registered){.wraps = envelopes_wrap(&options->snapshots),
                                 .leave_running = options->snapshots.leave_running,
                                 .hosted = options->snapshots.request != NULL};
    snapshot[0] = 0;
    return (!options->snapshots.snapshot ||
            absolute_path(options->snapshots.snapshot, snapshot, error)) &&
           (!options->snapshots.base || absolute_path(options->snapshots.base, entry->base, error));
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
    char snapshot[PATH_ROOM];
    if (!describe(&supervisor.entry, options, snapshot, &error))
        return report(&error, EXIT_FAILED);
    if (!registry_add(&supervisor.entry, options->name, name, options->positional[0], snapshot,
                      &error))
        return report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    int exit_code_ = run_in_tier(&supervisor, host, name);
    if (exit_code_ == EXIT_CHECKPOINTED)
        say_snapshot(&supervisor.entry);
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
    own.snapshots.envelopes = &envelopes;
    int code = envelopes_load(&envelopes, &options->snapshots, &error)
                   ? start_with_keys(command, &own, &ended_by)
                   : report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    envelopes_wipe(&envelopes);
    if (ended_by) { /* this process ends as its guest did */
        signal(ended_by, SIG_DFL);
        raise(ended_by);
    }
    return code;
}
