/* checkpoint.c - `yado checkpoint`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/output.h"
#include "cli/commands.h"
#include "cli/native/asking.h"
#include "cli/native/envelopes.h"
#include "cli/native/hosts.h"
#include "cli/native/kept.h"
#include "cli/native/lines.h"
#include "cli/native/registry.h"
#include "cli/native/remote.h"
#include "cli/overwrites.h"
#include "cli/play.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "guest/hold.h"
#include "host/host.h"

#define ANSWER_SECONDS 30
#define END_SECONDS    10 /* that a guest may take to end, before that is not waited for */

/* One request, from the turn that it is asked in to the file that it ends in. */
struct asking {
    const struct options *options;
    struct registered entry;
    struct turn turn;
    char id[REQUEST_ID_ROOM];
    char snapshot[REGISTRY_PATH_MAX], base[REGISTRY_PATH_MAX], hold[REGISTRY_PATH_MAX];
    char base_note[PATH_ROOM];
    char output[PATH_ROOM];
    bool leave_running;
    struct buffer answer;
};

/* ---- the user may think better of it */

static volatile sig_atomic_t cancelled; /* by this signal */

static void on_signal(int number)
{
    cancelled = number;
}

/* Until the snapshot is where it belongs, and the guest may end. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action = {.sa_handler = on_signal}, before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

static bool is_withdrawn(const struct asking *asking, struct error *error)
{
    return cancelled &&
           !error_set(error, ERROR_IO, "the checkpoint of %s is withdrawn: the guest goes on",
                      asking->entry.name);
}

static void rest(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* ---- asking */

static bool in_registry(const struct asking *asking, const char *file, char path[REGISTRY_PATH_MAX],
                        struct error *error)
{
    return path_set(path, error, "%s/%s.%s", asking->entry.directory, file, asking->id);
}

/* Puts the base where the guest's host can read it, and as it can. */
static bool lend_base(struct asking *asking, struct error *error)
{
    const struct options *options = asking->options;
    struct buffer bytes = {0};
    const char *base = options->snapshots.base;
    if (!base)
        return true;
    if (!in_registry(asking, "base", asking->base, error) ||
        !absolute_path(base, asking->base_note, error))
        return false;
    if (!envelopes_asked_for(&options->snapshots) && !envelope_at(base) &&
        link(base, asking->base) == 0)
        return true;
    bool good = incoming_read(base, &options->snapshots, &bytes, error) ||
                error_prefix(error, "the base %s cannot be used", base);
    good = good && file_write_bytes(asking->base, bytes.data, bytes.size, error);
    buffer_free(&bytes);
    return good;
}

static bool post(struct asking *asking, struct error *error)
{
    const struct options *options = asking->options;
    struct buffer where = {0};
    char absolute[PATH_ROOM];
    struct request request = {.id = asking->id,
                              .snapshot = asking->snapshot,
                              .leave_running = asking->leave_running,
                              .embed_module = options->snapshots.embed_module,
                              .compress = options->snapshots.compress,
                              .sync = options->snapshots.sync,
                              .verify = options->snapshots.verify,
                              .files = options->snapshots.files,
                              .embed = options->snapshots.embed};
    if (options->snapshots.base) {
        request.base = asking->base;
        request.base_note = asking->base_note;
    }
    if (!asking->leave_running)
        request.hold = asking->hold;
    line_put(&where, "snapshot",
             absolute_path(asking->output, absolute, NULL) ? absolute : asking->output);
    buffer_put_u8(&where, 0);
    bool good = where.failed
                    ? error_set(error, ERROR_MEMORY, "no memory for the request")
                    : asking_post(&asking->entry, &request, (const char *)where.data, error);
    buffer_free(&where);
    return good;
}

/* Adds to the message what the guest runs in. */
static bool say_host(const struct registered *entry, struct error *error)
{
    char path[REGISTRY_PATH_MAX], label[256], command[1024] = "";
    struct buffer text = {0};
    const struct host *host = host_named(entry->host, NULL);
    struct error why = *error;
    if (host && file_read(registry_path(entry, "command", path), &text, NULL)) {
        buffer_put_u8(&text, 0);
        snprintf(command, sizeof command, "; %s", (const char *)text.data);
        command[strcspn(command, "\n")] = 0;
    }
    buffer_free(&text);
    return error_set(error, ERROR_IO, "%s; %s%s", why.message, host_label(host, label), command);
}

static bool has_ended(const struct asking *asking, struct error *error)
{
    return error_set(error, ERROR_IO, "guest %s ended before it was checkpointed",
                     asking->entry.name) ||
           say_host(&asking->entry, error);
}

/* How much of the snapshot there is: a large one takes its time. */
static int64_t written(const char *part)
{
    struct stat stat_;
    return stat(part, &stat_) == 0 ? (int64_t)stat_.st_size : 0;
}

/* Waits for the guest to answer. */
static bool wait_answer(struct asking *asking, struct error *error)
{
    const struct registered *entry = &asking->entry;
    char part[REGISTRY_PATH_MAX];
    int64_t before = 0;
    uint64_t since = host_monotonic();
    if (!path_set(part, error, "%s" OUTPUT_PART, asking->snapshot))
        return false;
    progress_watch(part, 0);
    while (host_monotonic() - since < ANSWER_SECONDS * 1000000000ull) {
        bool dead = !entry_is_alive(entry);
        if (asking_answered(entry, asking->id, &asking->answer))
            return true;
        if (dead)
            return has_ended(asking, error);
        if (is_withdrawn(asking, error) || !asking_may_come(entry, since, error))
            return false;
        int64_t now = written(part);
        if (now != before)
            since = host_monotonic();
        before = now;
        rest();
    }
    return error_set(error, ERROR_IO,
                     "guest %s did not answer within %d s: it waits in a call that its host "
                     "cannot interrupt",
                     entry->name, ANSWER_SECONDS) ||
           say_host(entry, error);
}

/* Who asks here does not reach a guest that runs elsewhere. */
static bool check_place(const struct registered *entry, struct error *error)
{
    return strncmp(entry->host, "ssh://", 6) != 0 ||
           error_set(error, ERROR_USAGE,
                     "guest %s is in %s: checkpoint it there, or bring it back by `yado "
                     "migrate --host HOST %s`",
                     entry->name, entry->host, entry->name);
}

static bool check_keys(const struct registered *entry, const struct options *options,
                       struct error *error)
{
    return !entry->wraps || !envelopes_wrap(&options->snapshots) ||
           error_set(error, ERROR_USAGE,
                     "guest %s was started with --sign or --encrypt-to: its snapshots have its "
                     "own keys",
                     entry->name);
}

/* Nobody else asks the guest for something until this has what it asked for. */
static bool take_turn(struct asking *asking, struct error *error)
{
    struct registered *entry = &asking->entry;
    while (!turn_try_politely(&asking->turn, entry)) {
        if (!entry_is_alive(entry))
            return has_ended(asking, error);
        if (is_withdrawn(asking, error))
            return false;
        rest();
    }
    if (!registry_look(entry)) /* it may also have moved meanwhile */
        return has_ended(asking, error);
    entry_withdraw(entry); /* of a client that was killed */
    return check_place(entry, error);
}

/* ---- where the snapshot goes */

static bool find_output(struct asking *asking, struct error *error)
{
    const struct options *options = asking->options;
    const struct registered *entry = &asking->entry;
    char name[140];
    const char *output = options->output ? options->output : entry->snapshot;
    snprintf(name, sizeof name, "%s.snap", entry->name);
    return path_set(asking->output, error, "%s", *output ? output : name);
}

/* What the guest needs to go on from the snapshot stays as it is. */
static bool check_output(const struct asking *asking, struct error *error)
{
    struct options all = *asking->options;
    all.output = asking->output;
    all.guest.module = asking->entry.module;
    if (!all.snapshots.base && asking->entry.base[0])
        all.snapshots.base = asking->entry.base;
    return overwrites_nothing(COMMAND_CHECKPOINT, &all, error);
}

/* That a file can be made there is known before the guest is stopped. */
static bool try_output(const struct asking *asking, struct error *error)
{
    struct output output;
    struct stat there;
    if (stat(asking->output, &there) == 0 && !S_ISREG(there.st_mode))
        return true;
    if (!output_begin(&output, asking->output, NULL, error))
        return false;
    (void)output_end(&output, false, NULL);
    return true;
}

/* Brings the snapshot out of the registry. One that cannot be is not wanted: the guest goes on;
 * unless it has ended since, of itself. */
static bool deliver(struct asking *asking, struct error *error)
{
    const struct options *options = asking->options;
    const struct output_options how = {.sync = options->snapshots.sync};
    char kept[PATH_ROOM];
    bool good =
        envelopes_wrap(&options->snapshots)
            ? envelopes_copy(&options->snapshots, asking->snapshot, asking->output, 1, NULL, error)
            : output_move(asking->snapshot, asking->output, &how, error);
    if (good)
        return true;
    if (entry_is_alive(&asking->entry))
        return error_prefix(error, "guest %s goes on, since its snapshot could not be delivered",
                            asking->entry.name);
    if (!envelopes_wrap(&options->snapshots) &&
        kept_add(&asking->entry, asking->snapshot, error->message, kept, NULL))
        return error_prefix(error, "guest %s has ended; its snapshot is kept in %s",
                            asking->entry.name, kept);
    return false;
}

/* The guest has waited until now. */
static bool let_end(const struct asking *asking, struct error *error)
{
    const struct registered *entry = &asking->entry;
    char leave[PATH_ROOM];
    const uint64_t end = host_monotonic() + END_SECONDS * 1000000000ull;
    if (asking->leave_running)
        return true;
    if ((!path_set(leave, error, "%s" HOLD_LEAVE, asking->hold) ||
         rename(asking->hold, leave) != 0) &&
        entry_is_alive(entry))
        return error_set(error, ERROR_IO, "guest %s goes on; its snapshot is in %s", entry->name,
                         asking->output);
    while (entry_is_alive(entry) && host_monotonic() < end)
        rest();
    return true;
}

static void say_where(const struct asking *asking)
{
    const char *lines = (const char *)asking->answer.data;
    char nanoseconds[32] = "0", place[300] = "";
    struct stat stat_ = {0};
    file_value(lines, "nanoseconds", nanoseconds, sizeof nanoseconds);
    file_value(lines, "place", place, sizeof place);
    (void)stat(asking->output, &stat_);
    progress_end();
    uint64_t size = S_ISREG(stat_.st_mode) ? (uint64_t)stat_.st_size : line_number(lines, "size");
    print_line(print_beside(asking->output), "%s: %llu bytes, written in %.1f ms, at %s",
               asking->output, (unsigned long long)size, atof(nanoseconds) / 1e6, place);
}

/* ---- all of it */

static bool ask(struct asking *asking, struct error *error)
{
    asking_id(asking->id);
    if (!take_turn(asking, error) || !in_registry(asking, "snapshot", asking->snapshot, error) ||
        !in_registry(asking, "hold", asking->hold, error) || !lend_base(asking, error) ||
        !post(asking, error) || !wait_answer(asking, error))
        return false;
    if (asking_was_done(&asking->answer, error))
        return !is_withdrawn(asking, error);
    error_prefix(error, "guest %s could not be checkpointed, and goes on", asking->entry.name);
    return say_host(&asking->entry, error);
}

static bool checkpoint(const struct options *options, struct error *error)
{
    struct asking asking = {.options = options, .leave_running = options->snapshots.leave_running};
    struct registered *entry = &asking.entry;
    if (!registry_find(options->positional[0], entry, error) || !check_place(entry, error) ||
        !check_keys(entry, options, error) || !find_output(&asking, error) ||
        !check_output(&asking, error) || !try_output(&asking, error))
        return false;
    asking.leave_running |= entry->leave_running;
    catch_signals();
    bool good = ask(&asking, error) && deliver(&asking, error) && let_end(&asking, error);
    if (good)
        say_where(&asking);
    if (asking.turn.held)
        entry_withdraw(entry);
    turn_end(&asking.turn);
    registry_remove_dead(entry);
    buffer_free(&asking.answer);
    return good;
}

/* Keys are read before the guest is stopped. */
static bool checkpoint_with_keys(struct options *options, struct error *error)
{
    struct envelopes envelopes;
    bool good = envelopes_load(&envelopes, &options->snapshots, error);
    options->snapshots.envelopes = &envelopes;
    progress_begin("checkpoint of %s", options->positional[0]);
    good = good && checkpoint(options, error);
    progress_end();
    options->snapshots.envelopes = NULL;
    envelopes_wipe(&envelopes);
    return good;
}

int command_checkpoint(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_CHECKPOINT, argc, argv, &error);
    if (good && options.help) {
        options_help(COMMAND_CHECKPOINT);
    } else if (good && options.npositional != 1) {
        error_set(&error, ERROR_USAGE, "one NAME is wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!good || !inputs_take(&options, COMMAND_CHECKPOINT, &error) ||
               !checkpoint_with_keys(&options, &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
        if (cancelled)
            exit_code = 128 + cancelled;
    }
    options_free(&options);
    return exit_code;
}
