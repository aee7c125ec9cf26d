/* output.h - the one way to make a file: it is there whole or not at all.
 *
 *     output_begin ─▶ PATH.yado.part ─output_write─▶ PATH.yado.part ─output_end─▶ PATH
 *                                                           └─ when anything fails: removed
 *
 * What is at PATH stays as it is until the new file is complete, and whenever the process is killed
 * the old file or the new one is there. Three kinds of paths are no plain file's:
 *
 *     a link                the file that it leads to is replaced, and the link stays
 *     a device, a FIFO      is written through; nothing is renamed over it, nothing removed
 *     a directory, a socket is refused
 *
 * In a WebAssembly host a link is written through too, and two writers of one path do not see each
 * other; natively the second takes another temporary name. */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stddef.h>

#include "base/error.h"
#ifndef __wasi__
#    include "base/path.h"
#endif

#define OUTPUT_PART ".yado.part" /* nobody's own file is called so */

struct output_options {
    bool open;     /* mode 0666 as the umask has it; else 0600 from the first byte: a guest's memory
                      and what is made of it are nobody else's business */
    bool fresh;    /* nothing may be at the path yet: ERROR_USAGE, also when it comes meanwhile */
    bool sync;     /* flush to the disk, so that it outlives the machine */
    uint32_t keep; /* how many of that name are kept, the older ones as PATH.1 and so on; 0 is 1 */
};

struct output {
    struct output_options options;
    int descriptor; /* -1: there is nothing to end */
    uint64_t size;  /* what has been written */
    uint64_t device, inode;
    char *path;      /* owned, as is the next: of the file that is replaced */
    char *temporary; /* NULL: `path` is written through */
};

/* `options` may be NULL. After a failure nothing is left, and output_end may be called or not. */
bool output_begin(struct output *output, const char *path, const struct output_options *options,
                  struct error *error);

/* Its first argument is a struct output, so that it can stand in a sink (state/snapshot.h). */
bool output_write(void *output, const void *data, size_t size, struct error *error);

/* `good`: the file is complete and takes its place. False when it is not: it is removed. Returns
 * whether the new file is there. */
bool output_end(struct output *output, bool good, struct error *error);

/* All three for bytes that are all there. */
bool output_bytes(const char *path, const struct output_options *options, const void *data,
                  size_t size, struct error *error);

#ifndef __wasi__
/* The path of the file that would be replaced: links are followed. False when what is at `path` is
 * written through, or a circle of links. */
bool output_target(const char *path, char target[PATH_ROOM]);

/* Copies a file in pieces. */
bool output_copy(const char *from, const char *path, const struct output_options *options,
                 struct error *error);

/* Renames a file, so that it is there at once; over file systems, or when what is at `path` is
 * written through, it is copied, flushed and removed. Its mode is as the options have it. `from`
 * must be a plain file: a link in its place is not followed. After a failure it is as it was. */
bool output_move(const char *from, const char *path, const struct output_options *options,
                 struct error *error);
#endif

#endif
