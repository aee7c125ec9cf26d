#include "cli/native/courier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/chain.h"
#include "cli/native/envelopes.h"
#include "cli/native/remote.h"
#include "cli/session.h"
#include "state/snapshot.h"
#include "survey/survey.h"

/* ---- to the host */

/* What has to be opened before a host can read it. */
static bool is_closed(const struct courier *courier, const char *path)
{
    return envelopes_asked_for(courier->given) || envelope_at(path);
}

/* The snapshot as one file for the host, which is given nothing that only a note names. */
static bool open_snapshot(struct courier *courier, struct buffer *bytes, struct error *error)
{
    const char *path = courier->given->positional[0];
    registry_path(courier->entry, "restore", courier->restore);
    if (!chain_read_newest(path, courier->given, bytes, error))
        return error->kind == ERROR_SNAPSHOT ? error_prefix(error, "%s", path) : false;
    courier->file = courier->restore;
    courier->options.consume = true;
    return file_write_bytes(courier->restore, bytes->data, bytes->size, error);
}

/* A copy of the module in the guest's directory: the host gets that and not the one that a note
 * names. `snapshot` (NULL: of a guest that moves) is what it must be the module of. */
static bool bring_module(struct courier *courier, const char *path, const struct snapshot *snapshot,
                         struct error *error)
{
    struct buffer bytes = {0};
    if (!absolute_path(path, courier->module_note, error))
        return error_prefix(error, "the snapshot's module is not to be had (give it by --module)");
    courier->options.module_note = courier->module_note;
    if (courier->options.tier == TIER_SEALED)
        return true; /* it has its own */
    bool good = file_read(path, &bytes, error) &&
                (survey(bytes.data, bytes.size, error) || error_prefix(error, "%s", path)) &&
                (!snapshot || snapshot_check_module(snapshot, bytes.data, bytes.size, error) ||
                 error_prefix(error, "%s", courier->given->positional[0]));
    registry_path(courier->entry, "module", courier->module);
    good = good && file_write_bytes(courier->module, bytes.data, bytes.size, error);
    courier->options.module = courier->module;
    buffer_free(&bytes);
    return good;
}

static bool find_module(struct courier *courier, const struct snapshot *snapshot,
                        struct error *error)
{
    const char *given = courier->given->module, *path = courier->given->positional[0];
    char noted[4096];
    if (!given && snapshot->module.data)
        return true;
    if (!given && !snapshot->module_path.size)
        return error_set(error, ERROR_USAGE,
                         "%s: the snapshot does not say where its module is: give it by --module",
                         path);
    note_path(path, snapshot->module_path, noted);
    return bring_module(courier, given ? given : noted, snapshot, error);
}

/* What the host needs to restore the snapshot. */
static bool bring_snapshot(struct courier *courier, struct error *error)
{
    struct buffer bytes = {0};
    struct snapshot snapshot;
    const char *path = courier->given->positional[0];
    bool plain = !is_closed(courier, path) && file_exists(path);
    bool good = !plain || file_read(path, &bytes, error);
    if (good && plain && snapshot_open(&snapshot, bytes.data, bytes.size, NULL))
        plain = !snapshot.base.data;
    if (good && !plain) {
        bytes.size = 0;
        good = open_snapshot(courier, &bytes, error);
    }
    good = good &&
           (snapshot_open(&snapshot, bytes.data, bytes.size, error) ||
            error_prefix(error, "%s", path)) &&
           find_module(courier, &snapshot, error);
    buffer_free(&bytes);
    return good;
}

static bool bring(struct courier *courier, enum command command, struct error *error)
{
    const char *module = courier->given->module;
    if (command != COMMAND_RESTORE)
        return true;
    courier->options.with_base.count = 0;
    if (courier->given->standby)
        return !module || bring_module(courier, module, NULL, error);
    return bring_snapshot(courier, error);
}

static bool open_base(struct courier *courier, struct error *error)
{
    struct buffer bytes = {0};
    const char *path = courier->given->base;
    registry_path(courier->entry, "opened", courier->base);
    bool good = incoming_read(path, courier->given, &bytes, error) ||
                error_prefix(error, "the base %s cannot be used", path);
    good = good && file_write_bytes(courier->base, bytes.data, bytes.size, error);
    buffer_free(&bytes);
    char *real = realpath(path, NULL);
    snprintf(courier->base_note, sizeof courier->base_note, "%s", real ? real : path);
    free(real);
    courier->options.base = courier->base;
    courier->options.base_note = courier->base_note;
    return good;
}

bool courier_begin(struct courier *courier, enum command command, const struct options *given,
                   const struct registered *entry, struct error *error)
{
    *courier = (struct courier){.given = given,
                                .entry = entry,
                                .options = *given,
                                .carries = envelopes_wrap(given),
                                .answer = "answer",
                                .file = given->positional[0]};
    if (courier->carries) {
        courier->answer = "answer.host";
        courier->options.keep = 1;
        if (given->snapshot)
            courier->options.snapshot = registry_path(entry, "outgoing", courier->outgoing);
        if (given->trigger)
            courier->options.trigger = registry_path(entry, "trigger", courier->trigger);
    }
    return bring(courier, command, error) &&
           (!given->base || !is_closed(courier, given->base) || open_base(courier, error));
}

/* ---- from the host */

/* The snapshot of a guest that has ended is the only one: it is kept where it is found again. */
static void keep_plain(struct courier *courier, const char *plain, struct error *error)
{
    char kept[REGISTRY_PATH_MAX];
    courier->failed = true;
    registry_path(courier->entry, "snapshot", kept);
    if (strcmp(plain, kept) == 0 || rename(plain, kept) == 0)
        error_prefix(error, "the snapshot, as the host wrote it, is in %s", kept);
}

/* The host makes the next one under the same name meanwhile. */
static void take_outgoing(struct courier *courier)
{
    char taken[REGISTRY_PATH_MAX];
    const struct options *given = courier->given;
    struct error error = {.offset = ERROR_NO_OFFSET};
    registry_path(courier->entry, "taken", taken);
    if (!given->snapshot || rename(courier->outgoing, taken) != 0)
        return;
    if (!envelopes_copy(given, taken, given->snapshot, given->every ? (uint32_t)given->keep : 1,
                        NULL, &error)) {
        keep_plain(courier, taken, &error);
        report(&error, 0);
    }
    unlink(taken);
}

static void take_trigger(struct courier *courier)
{
    const char *trigger = courier->given->trigger;
    if (!trigger)
        return;
    if (!courier->triggered && file_exists(trigger))
        courier->triggered = file_write(courier->trigger, "", NULL);
    else if (courier->triggered && !file_exists(courier->trigger)) {
        take_outgoing(courier);
        unlink(trigger);
        courier->triggered = false;
    }
}

static void take_answer(struct courier *courier)
{
    char from[REGISTRY_PATH_MAX], to[REGISTRY_PATH_MAX], snapshot[REGISTRY_PATH_MAX], text[700];
    struct error error = {.offset = ERROR_NO_OFFSET};
    registry_path(courier->entry, "answer.host", from);
    registry_path(courier->entry, "answer", to);
    registry_path(courier->entry, "snapshot", snapshot);
    if (!file_exists(from))
        return;
    if (file_exists(snapshot) && !envelope_at(snapshot) &&
        !envelopes_copy(courier->given, snapshot, snapshot, 1, NULL, &error)) {
        keep_plain(courier, snapshot, &error);
        snprintf(text, sizeof text, "error=%s\n", error.message);
        unlink(from);
        file_write(to, text, NULL);
    } else {
        rename(from, to);
    }
}

void courier_look(void *context)
{
    struct courier *courier = context;
    if (!courier->carries)
        return;
    take_trigger(courier);
    take_outgoing(courier);
    take_answer(courier);
}
