#include "cli/native/move.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/incoming.h"
#include "cli/native/client.h"
#include "cli/native/keep.h"
#include "cli/native/remote.h"
#include "cli/opened.h"
#include "guest/hold.h"
#include "host/host.h"

/* Snapshots while the guest runs end when the changes are this small, when they no longer shrink to
 * three quarters, or after so many. */
#define SMALL_ENOUGH (256u << 10)
#define ROUNDS_MAX   8u

struct move {
    struct supervisor *supervisor;
    struct place *from, *to;
    const struct wanted *wanted; /* of the last snapshot: its files */
    char module[PATH_ROOM];
    bool embed_module;
    unsigned rounds;
    uint64_t since; /* the end of the phase before; wall_time */
    struct error *error;
};

/* ---- phases */

static double milliseconds(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e6;
}

/* Tells of a phase: what it was, its bytes, its time. */
static void phase(struct move *move, const char *name, uint64_t size, const char *detail)
{
    uint64_t now = wall_time();
    char bytes[32] = "";
    if (size)
        snprintf(bytes, sizeof bytes, "%.1f KB", (double)size / 1000);
    client_tell(move->supervisor, "phase", "%-22s %12s %10.1f ms%s%s", name, bytes,
                milliseconds(now - move->since), *detail ? "  " : "", detail);
    move->since = now;
}

/* ---- the directory that the snapshots lie in */

static bool make_directory(struct move *move)
{
    char path[REGISTRY_PATH_MAX];
    registry_remove_incoming(&move->supervisor->entry);
    return mkdir(incoming_path(move->supervisor, "", path), 0700) == 0 ||
           error_set(move->error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
}

/* ---- while the guest runs */

static bool take(struct move *move, struct wanted *wanted, struct taken *taken)
{
    wanted->embed_module = move->embed_module && !wanted->base[0];
    return move->from->kind->snapshot(move->from, wanted, taken, move->error);
}

/* The module's file: as the user named it, or as the snapshot's notes do, if it is the one. */
static bool find_module(struct move *move, bool *found)
{
    char path[REGISTRY_PATH_MAX];
    struct options options = {.guest.module = move->module[0] ? move->module : NULL,
                              .snapshots.read = envelopes_read};
    struct opened opened;
    incoming_path(move->supervisor, "0", path);
    *found = opened_read(&opened, path, &options, false, move->error);
    if (!*found && options.guest.module) { /* it is not there any more, or not the same */
        opened_free(&opened);
        options.guest.module = NULL;
        *found = opened_read(&opened, path, &options, false, move->error);
    }
    bool good = *found;
    if (good && !options.guest.module) {
        struct span noted = opened.snapshot.module_path;
        snprintf(move->module, sizeof move->module, "%.*s", (int)noted.size,
                 noted.size ? (const char *)noted.data : "");
    }
    *found = good && opened.has_module && move->module[0] && !opened.snapshot.module.data;
    opened_free(&opened);
    return good;
}

static bool first_snapshot(struct move *move)
{
    const struct options *options = move->supervisor->options;
    struct wanted wanted = {.file = "0"};
    struct taken taken;
    char detail[80];
    const char *module = options->guest.module;
    bool found = false;
    if (!module && move->supervisor->command == COMMAND_RUN)
        module = options->positional[0];
    if (module && !absolute_path(module, move->module, NULL))
        move->module[0] = 0;
    if (!take(move, &wanted, &taken) || !find_module(move, &found))
        return false;
    if (!found) { /* then it travels in the snapshot */
        move->embed_module = true;
        move->module[0] = 0;
        if (!take(move, &wanted, &taken))
            return false;
    }
    snprintf(detail, sizeof detail, "the guest waited %.1f ms", milliseconds(taken.nanoseconds));
    phase(move, "snapshot", taken.size, detail);
    return true;
}

static bool prepare(struct move *move)
{
    uint64_t when;
    if (!move->to->kind->prepare(move->to, move->module[0] ? move->module : NULL, move->error) ||
        !move->to->kind->apply(move->to, "0", &when, move->error))
        return false;
    phase(move, "prepared there", 0, move->to->name);
    return true;
}

static bool round_of(struct move *move, unsigned index, uint64_t *size)
{
    struct wanted wanted = {0};
    struct taken taken;
    uint64_t when;
    char name[32], detail[80];
    snprintf(wanted.file, sizeof wanted.file, "%u", index);
    snprintf(wanted.base, sizeof wanted.base, "%u", index - 1);
    if (!take(move, &wanted, &taken) ||
        !move->to->kind->apply(move->to, wanted.file, &when, move->error))
        return false;
    snprintf(name, sizeof name, "changes %u", index);
    snprintf(detail, sizeof detail, "the guest waited %.1f ms", milliseconds(taken.nanoseconds));
    phase(move, name, taken.size, detail);
    *size = taken.size;
    return true;
}

static bool pre_copy(struct move *move)
{
    uint64_t before = UINT64_MAX, size = 0;
    for (unsigned i = 1; i <= ROUNDS_MAX; i++) {
        if (!round_of(move, i, &size))
            return false;
        move->rounds = i;
        if (size <= SMALL_ENOUGH || size > before / 4 * 3)
            return true;
        before = size;
    }
    return true;
}

/* ---- while it is stopped */

static void tell_downtime(struct move *move, const struct taken *taken, uint64_t ready,
                          uint64_t running)
{
    uint64_t captured = taken->stopped + taken->nanoseconds;
    phase(move, "last changes", taken->size, "");
    client_tell(move->supervisor, "phase",
                "downtime %.1f ms: capture %.1f, hand over and restore %.1f, "
                "start %.1f",
                milliseconds(running - taken->stopped), milliseconds(taken->nanoseconds),
                milliseconds(ready - captured), milliseconds(running - ready));
}

/* Stops the guest and brings the rest over. The guest is held from when this succeeds, or may be
 * when it fails. */
static bool stop(struct move *move, struct taken *taken, uint64_t *ready)
{
    struct wanted wanted = *move->wanted;
    snprintf(wanted.file, sizeof wanted.file, "last");
    snprintf(wanted.base, sizeof wanted.base, "%u", move->rounds);
    wanted.hold = true;
    return take(move, &wanted, taken) &&
           move->to->kind->apply(move->to, "last", ready, move->error);
}

static bool go_on_here(struct move *move)
{
    struct error error;
    move->to->kind->abandon(move->to);
    if (!move->from->kind->resume(move->from, &error))
        error_prefix(move->error, "the guest stays stopped (%s)", error.message);
    registry_remove_incoming(&move->supervisor->entry);
    return false;
}

/* After this the guest goes on in one of two places or, when even that is not known, in none that
 * this process knows of. */
static bool hand_over(struct move *move, const struct taken *taken, uint64_t ready, bool *lost)
{
    uint64_t running;
    struct supervisor *supervisor = move->supervisor;
    switch (move->to->kind->go(move->to, &running, move->error)) {
    case GONE_NOT: return go_on_here(move);
    case GONE_UNKNOWN:
        *lost = true;
        keep_snapshot(supervisor, move->error);
        return false;
    default: break;
    }
    if (move->to->kind->is_cut(move->to)) { /* it runs there, and nothing more is known of it */
        struct error copy = {0};
        keep_snapshot(supervisor, &copy);
        client_tell(supervisor, "phase", "as it left, %s", copy.message);
    }
    move->from->kind->leave(move->from);
    supervisor->place = move->to;
    tell_downtime(move, taken, ready, running);
    registry_remove_incoming(&supervisor->entry);
    return true;
}

bool move_guest(struct supervisor *supervisor, struct place *to, const struct wanted *wanted,
                bool *lost, struct error *error)
{
    struct move move = {.supervisor = supervisor,
                        .from = supervisor->place,
                        .to = to,
                        .wanted = wanted,
                        .since = wall_time(),
                        .error = error};
    struct taken taken;
    uint64_t ready;
    *lost = false;
    if (!make_directory(&move) || !first_snapshot(&move) || !prepare(&move) || !pre_copy(&move) ||
        !stop(&move, &taken, &ready))
        return go_on_here(&move);
    return hand_over(&move, &taken, ready, lost);
}
