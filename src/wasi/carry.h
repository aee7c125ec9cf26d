/* carry.h - the files section of a snapshot: what the guest's open files were like, and files that
 * travel in the snapshot. For src/wasi only.
 *
 *     guest ──carry.c──▶ section ──carried.c──▶ struct state, struct carried ──unpack.c──▶ files
 *
 *     section      states u32 │ state ...                    by ascending descriptor
 *                  carried u32 │ carried ...                 in the order of unpacking
 *     state        descriptor u32 │ size u64 │ mtime u64 │ hashed u8 │ BLAKE3-256 when hashed
 *     carried      kind u8 │ preopen u32 │ path text │ by kind:
 *       1 directory  nothing
 *       2 file       size u64 │ bytes
 *       3 link       target text
 *       4 deleted    descriptors u32 │ descriptor u32 ... │ size u64 │ bytes
 *       5 removed    descriptors u32 │ descriptor u32 ...
 *
 * `state`: of an open regular file that does not travel. mtime: nanoseconds since 1970, 0 when it
 * is not to be compared. `deleted`: a file that has no name any more; `removed`: a directory likewise,
 * which is empty; `path` is the last name that was known. Texts, preopens and paths are as in the WASI section (image_writer.c). */
#ifndef WASI_CARRY_H
#define WASI_CARRY_H

#include "base/digest.h"
#include "wasi/image.h"

enum carried_kind {
    CARRIED_DIRECTORY = 1,
    CARRIED_FILE = 2,
    CARRIED_LINK = 3,
    CARRIED_DELETED = 4,
    CARRIED_REMOVED = 5
};

struct state {
    uint32_t descriptor;
    uint64_t size;
    uint64_t mtime;
    const uint8_t *hash; /* or NULL */
};

struct carried {
    enum carried_kind kind;
    uint32_t preopen;
    struct slice path;
    struct slice target;        /* LINK */
    const uint8_t *descriptors; /* DELETED, REMOVED: u32 each */
    uint32_t ndescriptors;
    const uint8_t *bytes; /* FILE, DELETED */
    uint64_t size;
};

/* A files section that has been checked against its WASI section. */
struct baggage {
    struct state *states; /* owned */
    uint32_t nstates;
    struct carried *carried; /* owned; what it points to is the section's */
    uint32_t ncarried;
};

/* `data` may be anybody's; without a section, `size` is 0. On failure (ERROR_SNAPSHOT) there is
 * nothing to free. */
bool baggage_read(struct baggage *baggage, const struct image *image, const uint8_t *data,
                  size_t size, struct error *error);
void baggage_free(struct baggage *baggage);
const struct state *baggage_state(const struct baggage *baggage, uint32_t descriptor);

/* Makes of an entry, of any kind but DELETED and REMOVED, what it was. A file that is there with other contents
 * is an error, or with `overwrite` it is replaced. */
bool unpack(const struct preopen *preopen, const struct carried *carried, bool overwrite,
            struct error *error);
/* Makes a DELETED file or REMOVED directory under a name of its own, which is returned; to be
 * removed when it is open. */
bool unpack_deleted(const struct preopen *preopen, const struct carried *carried, char name[40],
                    struct error *error);

wasi_errno open_to_read(const struct preopen *preopen, const struct text *path, handle *file);
/* BLAKE3-256 of the first `size` bytes of a file; by its name, because one that is open may be open
 * for writing only. */
wasi_errno named_hash(const struct preopen *preopen, const struct text *path, uint64_t size,
                      uint8_t hash[DIGEST_SIZE]);

/* ---- identity.c */

/* Device and inode are the same. */
bool same_file(const struct filestat *a, const struct filestat *b);
bool leads_to(const struct preopen *preopen, uint32_t lookup, struct path path,
              const struct filestat *wanted);
/* Searches the guest's directories for the file, and sets the descriptor's path and source. */
bool find_file(const struct wasi *wasi, struct descriptor *descriptor,
               const struct filestat *wanted);
/* Sets path and source to a name that the open file has now. False: none is found. */
bool update_name(const struct wasi *wasi, struct descriptor *descriptor,
                 const struct filestat *stat);
wasi_errno read_directory(handle root, const struct text *path, host_entry entry, void *context);

/* "DEVICE:INODE ", in hexadecimal, and back. False: there is no more. */
void put_identity(struct buffer *buffer, const struct filestat *stat);
bool take_number(struct slice *text, uint64_t *number);
bool take_identity(struct slice *text, struct filestat *stat);

/* Takes `text`, also when memory runs out. */
bool texts_add(struct texts *texts, struct text text);
void texts_free(struct texts *texts);

#endif
