/* bases.h - a snapshot file with the bases that it is built on, as one. */
#ifndef GUEST_BASES_H
#define GUEST_BASES_H

#include "base/buffer.h"
#include "base/path.h"
#include "guest/settings.h"

/* Where what a note of the snapshot in the file `path` names is: notes are absolute, or relative to
 * the snapshot; those of Yadokari 0.1 were relative to where it was written, which may be here. */
void note_path(const char *path, struct span note, char found[PATH_ROOM]);

/* The other way round: `named`, which is an absolute path or relative to the same directory as
 * `path`, as a note of the snapshot that is written there. */
void note_for(const char *path, const char *named, char note[PATH_ROOM]);

/* Reads a snapshot; one that has a base becomes one that has none. Bases are looked for among
 * `options->snapshots.with_base`, then where the notes say, and known by their ids. At most 1,000 snapshots. Errors name the file and the
 * base that is missing or another. */
bool chain_read(const char *path, const struct snapshot_options *options, struct buffer *bytes,
                struct error *error);

/* The same; where there is no such file, the one before it that --every has kept, which `say` is told. */
bool chain_read_newest(const char *path, const struct snapshot_options *options,
                       struct buffer *bytes, void (*say)(const struct error *what),
                       struct error *error);

/* The snapshot in one file, which may be in an envelope (snapshot_options.read). */
bool incoming_read(const char *path, const struct snapshot_options *options,
                   struct buffer *contents, struct error *error);

/* How many bytes chain_read takes at once: the files, and what they become, if they are several.
 * 0 when it fails. */
uint64_t chain_size(const char *path, const struct snapshot_options *options);

#endif
