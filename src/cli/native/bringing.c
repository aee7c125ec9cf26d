/* bringing.c - what a courier brings to its host: the snapshot, its module, and the base. */
#include "cli/native/bringing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/native/envelopes.h"
#include "cli/native/remote.h"
#include "cli/play.h"
#include "guest/bases.h"
#include "state/snapshot.h"
#include "survey/survey.h"

/* What has to be opened before a host can read it. */
static bool is_closed(const struct courier *courier, const char *path)
{
    return envelopes_asked_for(&courier->given->snapshots) || envelope_at(path);
}

/* The snapshot as one file for the host, which is given nothing that only a note names. */
static bool open_snapshot(struct courier *courier, struct buffer *bytes, struct error *error)
{
    const char *path = courier->given->positional[0];
    registry_path(courier->entry, "restore", courier->restore);
    if (!chain_read_newest(path, &courier->given->snapshots, bytes, report_notice, error))
        return error->kind == ERROR_SNAPSHOT ? error_prefix(error, "%s", path) : false;
    courier->file = courier->restore;
    courier->options.guest.consume = true;
    return file_write_bytes(courier->restore, bytes->data, bytes->size, error);
}

/* A copy of the module in the guest's directory: the host gets that and not the one that a note
 * names. `snapshot` (NULL: of a guest that moves) is what it must be the module of. */
static bool bring_module(struct courier *courier, const char *path, const struct snapshot *snapshot,
                         struct error *error)
{
    struct buffer bytes = {0};
    struct stat file;
    if (!absolute_path(path, courier->module_note, error))
        return error_prefix(error, "the snapshot's module is not to be had (give it by --module)");
    courier->options.guest.module_note = courier->module_note;
    if (courier->options.tier == TIER_SEALED)
        return true;                                      /* it has its own */
    if (stat(path, &file) == 0 && !S_ISREG(file.st_mode)) /* a note's FIFO never ends */
        return error_set(error, ERROR_IO, "the snapshot's module %s is no plain file", path);
    bool good = file_read(path, &bytes, error) &&
                (survey(bytes.data, bytes.size, error) || error_prefix(error, "%s", path)) &&
                (!snapshot || snapshot_check_module(snapshot, bytes.data, bytes.size, error) ||
                 error_prefix(error, "%s", courier->given->positional[0]));
    registry_path(courier->entry, "module", courier->module);
    good = good && file_write_bytes(courier->module, bytes.data, bytes.size, error);
    courier->options.guest.module = courier->module;
    buffer_free(&bytes);
    return good;
}

static bool find_module(struct courier *courier, const struct snapshot *snapshot,
                        struct error *error)
{
    const char *given = courier->given->guest.module, *path = courier->given->positional[0];
    char noted[PATH_ROOM];
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

static bool bring_start(struct courier *courier, enum command command, struct error *error)
{
    const char *module = courier->given->guest.module;
    if (command != COMMAND_RESTORE)
        return true;
    courier->options.snapshots.with_base.count = 0;
    if (courier->given->guest.standby)
        return !module || bring_module(courier, module, NULL, error);
    return bring_snapshot(courier, error);
}

static bool open_base(struct courier *courier, struct error *error)
{
    struct buffer bytes = {0};
    const char *path = courier->given->snapshots.base;
    registry_path(courier->entry, "opened", courier->base);
    bool good = incoming_read(path, &courier->given->snapshots, &bytes, error) ||
                error_prefix(error, "the base %s cannot be used", path);
    good = good && file_write_bytes(courier->base, bytes.data, bytes.size, error);
    buffer_free(&bytes);
    char *real = realpath(path, NULL);
    snprintf(courier->base_note, sizeof courier->base_note, "%s", real ? real : path);
    free(real);
    courier->options.snapshots.base = courier->base;
    courier->options.snapshots.base_note = courier->base_note;
    return good;
}

bool courier_bring(struct courier *courier, enum command command, struct error *error)
{
    const char *base = courier->given->snapshots.base;
    return bring_start(courier, command, error) &&
           (!base || !is_closed(courier, base) || open_base(courier, error));
}
