/* local.c - a guest in a process of this machine. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/asking.h"
#include "cli/native/client.h"
#include "cli/native/lines.h"
#include "cli/native/place.h"
#include "guest/hold.h"
#include "host/host.h"

#define ANSWER_SECONDS 30
#define FOR_EVER       1000000000u
/* Hosts without a compiled form of Yadokari, on a machine that is busy. */
#define START_SECONDS        120
#define COURIER_MILLISECONDS 5

/* Something that comes, or not. */
struct awaited {
    bool (*has_come)(const struct awaited *awaited);
    const char *path;               /* of a file */
    const struct supervisor *whose; /* or an answer */
    const char *id;
    struct buffer *text;
};

static bool await(struct place *place, const struct awaited *awaited, unsigned seconds,
                  struct error *error)
{
    const uint64_t begun = host_monotonic(), end = begun + seconds * 1000000000ull;
    const struct timespec pause = {0, 200000};
    while (!awaited->has_come(awaited)) {
        bool ended = runner_has_ended(&place->runner);
        place->supervisor->service(place->supervisor);
        if (awaited->has_come(awaited))
            break;
        if (ended)
            return runner_says(&place->runner, error);
        if (client_is_gone(place->supervisor))
            return error_set(error, ERROR_IO, "`yado migrate` was ended");
        if (host_monotonic() > end)
            return error_set(error, ERROR_IO, "no answer from %s within %u s", place->name,
                             seconds);
        if (!asking_may_come(&place->supervisor->entry, begun, error))
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static bool file_has_come(const struct awaited *awaited)
{
    return file_exists(awaited->path);
}

/* Waits for a file of incoming/ or of the guest's directory, for so many seconds. ERROR_IO when the
 * place's guest ends before, the time is over, or the user no longer wants it. */
static bool await_file(struct place *place, const char *path, unsigned seconds, struct error *error)
{
    const struct awaited file = {.has_come = file_has_come, .path = path};
    return await(place, &file, seconds, error);
}

/* ---- a guest that is here */

static bool turn_has_come(const struct awaited *awaited)
{
    struct supervisor *supervisor = (struct supervisor *)(uintptr_t)awaited->whose;
    return turn_try(&supervisor->turn, &supervisor->entry);
}

/* A move has the guest's turn from its first snapshot until the guest goes on, here or there. */
static bool take_turn(struct place *place, struct error *error)
{
    struct supervisor *supervisor = place->supervisor;
    const struct awaited turn = {.has_come = turn_has_come, .whose = supervisor};
    if (supervisor->turn.held)
        return true;
    turn_claim(&supervisor->entry, true);
    bool good = await(place, &turn, FOR_EVER, error);
    turn_claim(&supervisor->entry, false);
    if (good)
        entry_withdraw(&supervisor->entry); /* of a client that was killed */
    return good;
}

static bool request(struct place *place, const struct wanted *wanted, const char *id,
                    struct error *error)
{
    const struct supervisor *supervisor = place->supervisor;
    char file[REGISTRY_PATH_MAX], base[REGISTRY_PATH_MAX], hold[REGISTRY_PATH_MAX];
    struct request request = {.id = id,
                              .move = true,
                              .leave_running = true,
                              .snapshot = incoming_path(supervisor, wanted->file, file),
                              .embed_module = wanted->embed_module,
                              .files = wanted->files,
                              .embed = wanted->embed};
    if (wanted->base[0])
        request.base = incoming_path(supervisor, wanted->base, base);
    if (wanted->hold)
        request.hold = incoming_path(supervisor, "hold", hold);
    return asking_post(&supervisor->entry, &request, "", error);
}

static bool answer_has_come(const struct awaited *awaited)
{
    return asking_answered(&awaited->whose->entry, awaited->id, awaited->text);
}

static bool read_answer(const struct buffer *text, struct taken *taken, struct error *error)
{
    const char *lines = (const char *)text->data;
    if (!asking_was_done(text, error))
        return error_prefix(error, "the guest could not be checkpointed");
    taken->size = line_number(lines, "size");
    taken->stopped = line_number(lines, "stopped");
    taken->nanoseconds = line_number(lines, "nanoseconds");
    return true;
}

static bool local_snapshot(struct place *place, const struct wanted *wanted, struct taken *taken,
                           struct error *error)
{
    char id[REQUEST_ID_ROOM];
    struct buffer text = {0};
    const struct awaited answer = {
        .has_come = answer_has_come, .whose = place->supervisor, .id = id, .text = &text};
    asking_id(id);
    bool good = take_turn(place, error) && request(place, wanted, id, error);
    if (good && !await(place, &answer, ANSWER_SECONDS, error)) {
        char asked[REGISTRY_PATH_MAX];
        unlink(registry_path(&place->supervisor->entry, "request", asked));
        good = false;
    }
    good = good && read_answer(&text, taken, error);
    buffer_free(&text);
    return good;
}

static bool local_resume(struct place *place, struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    incoming_path(place->supervisor, "hold", path);
    bool good = unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR ||
                error_set(error, ERROR_IO, "cannot remove %s: %s", path, strerror(errno));
    turn_end(&place->supervisor->turn);
    return good;
}

static void local_leave(struct place *place)
{
    char path[REGISTRY_PATH_MAX];
    file_write(incoming_path(place->supervisor, "hold" HOLD_LEAVE, path), "", NULL);
    runner_end(&place->runner, 2000);
    runner_free(&place->runner);
    registry_remove_incoming(&place->supervisor->entry); /* nothing is held there any more */
    turn_end(&place->supervisor->turn);
}

/* ---- one that is to come */

/* The options of the `restore` that goes on with what these began. */
static struct options continued(const struct supervisor *supervisor, const char *module,
                                const char **directory)
{
    struct options options = *supervisor->options;
    uint64_t gone = host_monotonic() - supervisor->begun;
    options.guest.env = options.snapshots.with_base = options.snapshots.embed = (struct list){0};
    options.guest.invoke = options.guest.arg0 = NULL;
    options.guest.module = module;
    options.guest.standby = true;
    options.guest.accept_changed = options.guest.overwrite = options.guest.consume = false;
    options.guest.clocks = 0;
    options.positional = directory;
    options.npositional = 1;
    if (options.guest.timeout)
        options.guest.timeout =
            options.guest.timeout > gone + 1000000 ? options.guest.timeout - gone : 1000000;
    return options;
}

/* Where the guest is now it has not its input from the process's own: it may have read less of it
 * than was read for it. */
static bool input_is_passed(const struct supervisor *supervisor, const struct place *coming)
{
    const struct place *from = supervisor->place;
    size_t on_way;
    return from && from != coming && from->kind->passes_input(from, &on_way);
}

static bool local_prepare(struct place *place, const char *module, struct error *error)
{
    struct supervisor *supervisor = place->supervisor;
    char directory[REGISTRY_PATH_MAX];
    const char *positional[] = {incoming_path(supervisor, "", directory), NULL};
    struct options options = continued(supervisor, module, positional);
    if (input_is_passed(supervisor, place) && supervisor->input.pipe[0] < 0 &&
        !input_open(&supervisor->input, error))
        return false;
    /* a pipe, when it may have read less of its input elsewhere than went there */
    const int streams[3] = {supervisor->input.pipe[0] >= 0 ? supervisor->input.pipe[0] : -1,
                            supervisor->output, supervisor->errors};
    if (options.guest.listen.count > 0 && (place->host || !options.guest.listeners))
        return error_set(error, ERROR_USAGE,
                         "the guest listens (--listen %s), and its sockets cannot change the host",
                         options.guest.listen.items[0]);
    return runner_start(&place->runner, place->host, &supervisor->entry, COMMAND_RESTORE, &options,
                        streams, error);
}

/* When it was that the guest wrote a file; one that cannot be read was written before now. */
static uint64_t time_in(const char *path)
{
    struct buffer text = {0};
    uint64_t when = 0;
    if (file_read(path, &text, NULL)) {
        buffer_put_u8(&text, 0);
        when = text.failed ? 0 : line_number((const char *)text.data, "time");
    }
    buffer_free(&text);
    return when ? when : wall_time();
}

static bool local_apply(struct place *place, const char *file, uint64_t *when, struct error *error)
{
    char path[REGISTRY_PATH_MAX], name[32];
    snprintf(name, sizeof name, "applied-%.16s", file);
    incoming_path(place->supervisor, strcmp(file, "last") == 0 ? "ready" : name, path);
    if (!await_file(place, path, START_SECONDS, error))
        return false;
    *when = time_in(path);
    return true;
}

/* Before its first instruction the guest says that it runs. That file alone tells whether it does,
 * whatever else fails: without it, a guest that has ended or is ended now never did. */
static enum gone local_go(struct place *place, uint64_t *when, struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    struct supervisor *supervisor = place->supervisor;
    int client = supervisor->client;
    bool told = file_write(incoming_path(supervisor, "go", path), "", error);
    if (!told)
        runner_end(&place->runner, 0); /* it may have seen something */
    supervisor->client = -1;           /* too late to be cancelled */
    incoming_path(supervisor, "running", path);
    bool runs = told ? await_file(place, path, FOR_EVER, error) : file_exists(path);
    supervisor->client = client;
    supervisor->has_input |= runs && supervisor->input.pipe[0] >= 0;
    *when = runs ? time_in(path) : 0;
    return runs ? GONE_RUNS : GONE_NOT;
}

static void local_abandon(struct place *place)
{
    char path[REGISTRY_PATH_MAX];
    if (!place->supervisor->has_input)
        input_take_back(&place->supervisor->input);
    runner_end(&place->runner, 0);
    runner_free(&place->runner);
    unlink(registry_path(&place->supervisor->entry, "status", path));
}

static bool local_has_ended(struct place *place)
{
    return runner_has_ended(&place->runner);
}

static void local_signal(struct place *place, int number)
{
    if (place->runner.pid && !runner_has_ended(&place->runner))
        kill(place->runner.pid, number);
}

static int local_exit_code(struct place *place, FILE *errors)
{
    place->supervisor->ended_by = runner_signal(&place->runner);
    return runner_exit_code(&place->runner, &place->supervisor->entry, errors);
}

/* ---- what goes on meanwhile */

static bool local_is_cut(const struct place *place)
{
    (void)place;
    return false;
}

static bool local_passes_input(const struct place *place, size_t *on_way)
{
    *on_way = 0;
    return place->supervisor->has_input;
}

static nfds_t local_waits(struct place *place, struct pollfd waits[PLACE_WAITS], int *timeout)
{
    (void)waits;
    if (place->runner.courier.carries)
        *timeout = COURIER_MILLISECONDS;
    return 0;
}

static void local_service(struct place *place)
{
    if (place_has_guest(place))
        runner_look(&place->runner);
}

static void local_close(struct place *place)
{
    runner_end(&place->runner, 0);
    runner_free(&place->runner);
}

const struct place_kind local_kind = {.snapshot = local_snapshot,
                                      .resume = local_resume,
                                      .leave = local_leave,
                                      .prepare = local_prepare,
                                      .apply = local_apply,
                                      .go = local_go,
                                      .abandon = local_abandon,
                                      .has_ended = local_has_ended,
                                      .is_cut = local_is_cut,
                                      .signal = local_signal,
                                      .exit_code = local_exit_code,
                                      .passes_input = local_passes_input,
                                      .waits = local_waits,
                                      .service = local_service,
                                      .close = local_close};

bool local_open(struct place *place, const char *host, struct error *error)
{
    place->kind = &local_kind;
    snprintf(place->name, sizeof place->name, "%s", host);
    return strcmp(host, "native") == 0 || (place->host = host_named(host, error)) != NULL;
}
