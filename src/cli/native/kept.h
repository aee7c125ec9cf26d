/* kept.h - snapshots of guests that ended, or were cut off, before somebody had them:
 *
 *     ${XDG_STATE_HOME:-~/.local/state}/yadokari/
 *         ID.snap     the snapshot; ID is the guest's name and a number
 *         ID.info     what guest it is and why it is kept: lines "key=value"
 *
 * No run touches what is there. `yado ps --kept` lists it, `yado rm ID` removes it. */
#ifndef CLI_NATIVE_KEPT_H
#define CLI_NATIVE_KEPT_H

#include "base/buffer.h"
#include "cli/native/entry.h"
#include "cli/options.h"

/* FILE in there; its directories are made. A path that is longer is refused. */
bool keep_path(const char *file, char path[PATH_ROOM], struct error *error);

/* The path of a new ID.snap for this guest, which is there then, empty. */
bool kept_begin(const struct registered *entry, char path[PATH_ROOM], struct error *error);
/* It is complete: notes `why`. Or it could not be written: it is removed. */
void kept_end(const struct registered *entry, const char *path, bool good, const char *why);

/* Moves a snapshot there. `path` is where it is then. */
bool kept_add(const struct registered *entry, const char *from, const char *why,
              char path[PATH_ROOM], struct error *error);

/* What a dead guest's entry holds and is nowhere else: snapshots that nobody fetched, and the guest
 * that was stopped to be moved. Says on standard error where it is kept. False when it could not be:
 * then it is where it was. */
bool kept_rescue(const struct registered *dead, struct error *error);

struct kept {
    char id[256], path[PATH_ROOM], module[PATH_ROOM], why[PATH_ROOM + 512];
    uint64_t size;
    int64_t since; /* seconds since 1970 */
};

/* The oldest first. */
bool kept_list(void (*visit)(void *context, const struct kept *kept), void *context,
               struct error *error);
/* ERROR_USAGE when there is none of that name. */
bool kept_remove(const char *id, struct error *error);

#endif
