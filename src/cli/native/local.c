/* local.c - a guest in a process of this machine. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/native/lines.h"
#include "cli/native/place.h"
#include "cli/standby.h"
#include "host/host.h"

#define ANSWER_SECONDS 30
#define FOR_EVER       1000000000u
/* Hosts without a compiled form of Yadokari, on a machine that is busy. */
#define START_SECONDS 120

char *incoming_path(const struct supervisor *supervisor, const char *file,
                    char path[REGISTRY_PATH_MAX])
{
    snprintf(path, REGISTRY_PATH_MAX, "%.360s/incoming%s%.30s", supervisor->entry.directory,
             *file ? "/" : "", file);
    return path;
}

bool await_file(struct place *place, const char *path, unsigned seconds, struct error *error)
{
    const uint64_t end = host_monotonic() + seconds * 1000000000ull;
    const struct timespec pause = {0, 200000};
    while (!file_exists(path)) {
        bool ended = runner_has_ended(&place->runner);
        place->supervisor->service(place->supervisor);
        if (file_exists(path))
            break;
        if (ended)
            return runner_says(&place->runner, error);
        if (is_cancelled(place->supervisor))
            return error_set(error, ERROR_IO, "`yado migrate` was ended");
        if (host_monotonic() > end)
            return error_set(error, ERROR_IO, "no answer from %s within %u s", place->name,
                             seconds);
        nanosleep(&pause, NULL);
    }
    return true;
}

/* ---- a guest that is here */

static bool request(struct place *place, const struct wanted *wanted, struct error *error)
{
    const struct supervisor *supervisor = place->supervisor;
    char path[REGISTRY_PATH_MAX];
    struct buffer text = {0};
    line_put(&text, "move", "1");
    line_put(&text, "leave-running", "1");
    line_put(&text, "snapshot", incoming_path(supervisor, wanted->file, path));
    if (wanted->base[0])
        line_put(&text, "base", incoming_path(supervisor, wanted->base, path));
    if (wanted->embed_module)
        line_put(&text, "embed-module", "1");
    if (wanted->files)
        line_put(&text, "files", (char[]){(char)('0' + wanted->files), 0});
    for (uint32_t i = 0; i < wanted->embed.count; i++)
        line_put(&text, "embed", wanted->embed.items[i]);
    if (wanted->hold) {
        line_put(&text, "hold", incoming_path(supervisor, "", path));
        if (!file_write(incoming_path(supervisor, "hold", path), "", error)) {
            buffer_free(&text);
            return false;
        }
    }
    unlink(registry_path(&supervisor->entry, "answer", path));
    registry_path(&supervisor->entry, "request", path);
    bool good = text.failed ? error_set(error, ERROR_MEMORY, "no memory for the request")
                            : file_write_bytes(path, text.data, text.size, error);
    buffer_free(&text);
    return good;
}

static bool read_answer(const char *path, struct taken *taken, struct error *error)
{
    struct buffer text = {0};
    char value[512] = "";
    bool good = file_read(path, &text, error);
    buffer_put_u8(&text, 0);
    const char *lines = (const char *)text.data;
    if (good && !file_value(lines, "ok", value, sizeof value))
        good = error_set(error, ERROR_IO, "the guest could not be checkpointed: %s",
                         file_value(lines, "error", value, sizeof value) ? value : "");
    if (good) {
        taken->size = line_number(lines, "size");
        taken->stopped = line_number(lines, "stopped");
        taken->nanoseconds = line_number(lines, "nanoseconds");
    }
    buffer_free(&text);
    return good;
}

static bool local_snapshot(struct place *place, const struct wanted *wanted, struct taken *taken,
                           struct error *error)
{
    char path[REGISTRY_PATH_MAX], asked[REGISTRY_PATH_MAX];
    if (!request(place, wanted, error))
        return false;
    registry_path(&place->supervisor->entry, "request", asked);
    registry_path(&place->supervisor->entry, "answer", path);
    if (await_file(place, path, ANSWER_SECONDS, error))
        return read_answer(path, taken, error);
    unlink(asked);
    return false;
}

static bool local_resume(struct place *place, struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    incoming_path(place->supervisor, "hold", path);
    return unlink(path) == 0 || errno == ENOENT ||
           error_set(error, ERROR_IO, "cannot remove %s: %s", path, strerror(errno));
}

static void local_leave(struct place *place)
{
    char path[REGISTRY_PATH_MAX];
    file_write(incoming_path(place->supervisor, "leave", path), "", NULL);
    runner_end(&place->runner, 2000);
    runner_free(&place->runner);
}

/* ---- one that is to come */

/* The options of the `restore` that goes on with what these began. */
static struct options continued(const struct supervisor *supervisor, const char *module,
                                const char **directory)
{
    struct options options = *supervisor->options;
    uint64_t gone = host_monotonic() - supervisor->begun;
    options.env = options.with_base = options.embed = (struct list){0};
    options.invoke = options.arg0 = NULL;
    options.module = module;
    options.standby = true;
    options.accept_changed = options.overwrite = options.consume = false;
    options.clocks = 0;
    options.positional = directory;
    options.npositional = 1;
    if (options.timeout)
        options.timeout = options.timeout > gone + 1000000 ? options.timeout - gone : 1000000;
    return options;
}

static bool local_prepare(struct place *place, const char *module, struct error *error)
{
    struct supervisor *supervisor = place->supervisor;
    char directory[REGISTRY_PATH_MAX];
    const char *positional[] = {incoming_path(supervisor, "", directory), NULL};
    struct options options = continued(supervisor, module, positional);
    if (supervisor->place && supervisor->place->abroad && supervisor->input.pipe[0] < 0 &&
        !input_open(&supervisor->input, error))
        return false;
    /* a pipe, when it may have read less of its input elsewhere than went there */
    const int streams[3] = {supervisor->input.pipe[0] >= 0 ? supervisor->input.pipe[0] : -1,
                            supervisor->output, supervisor->errors};
    if (options.listen.count > 0 && (place->host || !options.listeners))
        return error_set(error, ERROR_USAGE,
                         "the guest listens (--listen %s), and its sockets cannot change the host",
                         options.listen.items[0]);
    return runner_start(&place->runner, place->host, &supervisor->entry, COMMAND_RESTORE, &options,
                        streams, error);
}

static bool read_time(const char *path, uint64_t *when, struct error *error)
{
    struct buffer text = {0};
    bool good = file_read(path, &text, error);
    buffer_put_u8(&text, 0);
    *when = good ? line_number((const char *)text.data, "time") : 0;
    buffer_free(&text);
    return good;
}

static bool local_apply(struct place *place, const char *file, uint64_t *when, struct error *error)
{
    char path[REGISTRY_PATH_MAX], name[32];
    snprintf(name, sizeof name, "applied-%.16s", file);
    incoming_path(place->supervisor, strcmp(file, "last") == 0 ? "ready" : name, path);
    return await_file(place, path, START_SECONDS, error) && read_time(path, when, error);
}

/* Before its first instruction the guest says that it runs: if it has ended and not said so, it
 * never did. */
static enum gone local_go(struct place *place, uint64_t *when, struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    struct supervisor *supervisor = place->supervisor;
    int client = supervisor->client;
    if (!file_write(incoming_path(supervisor, "go", path), "", error))
        return GONE_NOT;
    supervisor->client = -1; /* too late to be cancelled */
    incoming_path(supervisor, "running", path);
    bool runs = await_file(place, path, FOR_EVER, error);
    supervisor->client = client;
    supervisor->has_input |= runs && supervisor->input.pipe[0] >= 0;
    return runs && read_time(path, when, error) ? GONE_RUNS : GONE_NOT;
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

const struct place_kind local_kind = {
    local_snapshot, local_resume,  local_leave,     local_prepare, local_apply,
    local_go,       local_abandon, local_has_ended, local_signal,  local_exit_code};
