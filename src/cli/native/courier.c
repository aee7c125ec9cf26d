#include "cli/native/courier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/native/bringing.h"
#include "cli/native/envelopes.h"
#include "cli/native/kept.h"
#include "cli/play.h"

/* Where the host writes --snapshot: a host makes files as the umask has it, and replaces what is no
 * plain file, so it writes where nobody else can look, and on the file system of FILE, so that a
 * snapshot need not be copied: in the guest's directory, or in a folder beside FILE. A guest that
 * embeds a directory must not find that folder in it. */
static bool take_place(struct courier *courier, struct error *error)
{
    const struct options *given = courier->given;
    char file[PATH_ROOM], beside[PATH_ROOM];
    struct stat there, ours;
    registry_path(courier->entry, "outgoing", courier->outgoing);
    registry_path(courier->entry, "taken", courier->taken);
    courier->options.snapshots.snapshot = courier->outgoing;
    if (courier->wraps || given->snapshots.embed.count ||
        !output_target(given->snapshots.snapshot, file))
        return true; /* it is written through, or cannot be */
    char *slash = strrchr(file, '/');
    if (!path_set(beside, error, "%.*s", slash ? (int)(slash - file) + 1 : 2, slash ? file : "./"))
        return false;
    if (stat(beside, &there) != 0 || stat(courier->entry->directory, &ours) != 0 ||
        there.st_dev == ours.st_dev)
        return true;
    if (!path_set(courier->folder, error, "%s.yado-XXXXXX", beside))
        return false;
    if (!mkdtemp(courier->folder)) {
        courier->folder[0] = 0; /* the guest goes on if a snapshot cannot be moved there */
        return true;
    }
    return path_set(courier->outgoing, error, "%s/outgoing", courier->folder) &&
           path_set(courier->taken, error, "%s/taken", courier->folder);
}

bool courier_begin(struct courier *courier, enum command command, const struct options *given,
                   const struct registered *entry, struct error *error)
{
    *courier = (struct courier){.given = given,
                                .entry = entry,
                                .options = *given,
                                .wraps = envelopes_wrap(&given->snapshots),
                                .answer = "answer",
                                .file = given->positional[0]};
    courier->carries = courier->wraps || given->snapshots.snapshot;
    if (courier->wraps)
        courier->answer = "answer.host";
    if (courier->carries) {
        courier->options.snapshots.keep = 1;
        if (given->snapshots.trigger)
            courier->options.snapshots.trigger = registry_path(entry, "trigger", courier->trigger);
    }
    if (given->snapshots.snapshot && !take_place(courier, error))
        return false;
    return courier_bring(courier, command, error);
}

/* ---- from the host */

/* The guest may have ended with it, so it is the only one: it is kept, in place of an older one. */
static void keep(struct courier *courier, const char *plain, struct error *error)
{
    struct error why = {.offset = ERROR_NO_OFFSET};
    char unsaved[REGISTRY_PATH_MAX];
    courier->failed = true;
    bool good = courier->kept[0] || kept_begin(courier->entry, courier->kept, &why);
    if (good) {
        good = envelopes_copy(&courier->given->snapshots, plain, courier->kept, 1, NULL, &why);
        kept_end(courier->entry, courier->kept, good, error->message);
    }
    if (good) {
        unlink(plain);
        error_prefix(error, "the snapshot is kept in %s", courier->kept);
        return;
    }
    courier->kept[0] = 0;
    if (rename(plain, registry_path(courier->entry, "unsaved", unsaved)) == 0)
        error_prefix(error, "the snapshot, as the host wrote it, is in %s (%s)", unsaved,
                     why.message);
}

/* A later one has arrived. */
static void forget_kept(struct courier *courier)
{
    if (courier->kept[0])
        kept_end(courier->entry, courier->kept, false, "");
    courier->kept[0] = 0;
    courier->failed = false;
}

/* The host makes the next one under the same name meanwhile. */
static void take_outgoing(struct courier *courier)
{
    const struct options *given = courier->given;
    const char *taken = courier->taken;
    struct error error = {.offset = ERROR_NO_OFFSET};
    if (!given->snapshots.snapshot || rename(courier->outgoing, taken) != 0)
        return;
    const struct output_options options = {
        .sync = given->snapshots.sync,
        .keep = given->snapshots.every ? (uint32_t)given->snapshots.keep : 1};
    if (courier->wraps ? envelopes_copy(&given->snapshots, taken, given->snapshots.snapshot,
                                        options.keep, NULL, &error)
                       : output_move(taken, given->snapshots.snapshot, &options, &error)) {
        unlink(taken);
        forget_kept(courier);
    } else {
        keep(courier, taken, &error);
        report(&error, 0);
    }
}

static void take_trigger(struct courier *courier)
{
    const char *trigger = courier->given->snapshots.trigger;
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

/* The snapshot that an answer tells of, if there is one: none when it could not be written, or was
 * asked for elsewhere. */
static bool answered_snapshot(const struct courier *courier, const char *answer, char id[64],
                              char snapshot[REGISTRY_PATH_MAX])
{
    char file[80];
    struct buffer text = {0};
    bool good = file_read(answer, &text, NULL);
    buffer_put_u8(&text, 0);
    good = good && !text.failed && file_value((const char *)text.data, "id", id, 64) &&
           strspn(id, "0123456789abcdef") == strlen(id);
    buffer_free(&text);
    if (!good)
        id[0] = 0;
    snprintf(file, sizeof file, "snapshot.%.60s", id);
    return good && file_exists(registry_path(courier->entry, file, snapshot));
}

/* A guest whose snapshot cannot be signed or encrypted goes on: who asked is told why. */
static void take_answer(struct courier *courier)
{
    char from[REGISTRY_PATH_MAX], to[REGISTRY_PATH_MAX], snapshot[REGISTRY_PATH_MAX];
    char id[64], text[1200];
    struct error error = {.offset = ERROR_NO_OFFSET};
    registry_path(courier->entry, "answer.host", from);
    registry_path(courier->entry, "answer", to);
    if (!file_exists(from))
        return;
    if (answered_snapshot(courier, from, id, snapshot) && !envelope_at(snapshot) &&
        !envelopes_copy(&courier->given->snapshots, snapshot, snapshot, 1, NULL, &error)) {
        unlink(snapshot);
        snprintf(text, sizeof text, "id=%s\nerror=%s\n", id, error.message);
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
    if (courier->wraps)
        take_answer(courier);
}

void courier_end(struct courier *courier)
{
    char part[PATH_ROOM];
    if (!courier->folder[0])
        return;
    take_outgoing(courier);
    unlink(courier->outgoing);
    if (path_set(part, NULL, "%s" OUTPUT_PART, courier->outgoing))
        unlink(part);
    rmdir(courier->folder); /* not when there is one in it that could be put nowhere else */
}
