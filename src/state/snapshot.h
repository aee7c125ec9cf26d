/* state/ - capture, the snapshot file, restore. Uses exec/, wasi/ (its section), wasm/, base/.
 *
 * snapshot.h - a guest's whole execution state as bytes.
 *
 *     capture.c   guest ──▶ sections      writer.c             sections ──▶ file
 *     rebuild.c   sections ──▶ guest      snapshot_reader.c    file ──▶ sections
 *     format.h    the file's layout, drawn; format.c is what both need
 *     call.c      the calls that are still to come
 *     block.c     a block: its hash; pack.c: a block without its zeros
 *     parts.c     the memory in parts
 *     delta.c     what changed since another snapshot, the base
 *     flatten.c   a snapshot and its bases as one
 *     replica.c   the memory of a snapshot and then its changes, before the guest is there
 *     save.c      a file that is there whole or not at all
 *     describe.c  a snapshot for a person */
#ifndef STATE_SNAPSHOT_H
#define STATE_SNAPSHOT_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "exec/execution.h"
#include "wasi/wasi.h"

#define MODULE_HASH_SIZE DIGEST_SIZE /* of the module's bytes */

/* Whether `_initialize` is called between the start function and the entry. The numbers stand in
 * snapshots. */
enum initialize { INITIALIZE_NONE = 0, INITIALIZE_NEXT = 1, INITIALIZE_RUNS = 2 };

/* A running guest, as capture reads it. */
struct guest {
    const struct module *module;
    const char *module_path; /* as the user gave it */
    uint8_t module_hash[MODULE_HASH_SIZE];
    struct instance *instance;
    struct execution *execution;
    struct wasi *wasi;
    bool started;   /* what runs is `entry`; false: still the start function or `_initialize` */
    uint32_t entry; /* function index of the export that runs last */
    enum initialize stage; /* NONE from when `entry` runs */
    uint32_t initialize;   /* function index of `_initialize`; 0 for NONE */
    struct buffer
        arguments; /* owned: a struct typed_value for each of `entry`; none when it runs */
};

/* Where bytes of a snapshot go, in order. False (with `error`) ends the capture. */
struct sink {
    bool (*write)(void *context, const void *data, size_t size, struct error *error);
    void *context;
};

/* One that appends them to `buffer`. */
struct sink sink_into(struct buffer *buffer);

/* Where bytes come from, in order; `got` is 0 at the end only. */
struct source {
    bool (*read)(void *context, uint8_t *bytes, size_t size, size_t *got, struct error *error);
    void *context;
};

/* What a snapshot passes through on its way into a file: see envelope/. */
struct wrapping {
    /* `wrapped` takes the snapshot, `file` gets what becomes of it. */
    bool (*begin)(void *context, const struct sink *file, struct sink *wrapped,
                  struct error *error);
    /* Writes what is left, if `good` until now; always called after `begin`. */
    bool (*end)(void *context, bool good, struct error *error);
    void *context;
};

/* How a base is read that may be in such a file. */
struct unwrapping {
    /* Nothing of it may be used before it is known to be what it claims to be. */
    bool (*begin)(void *context, const char *path, struct source *snapshot, struct error *error);
    void (*end)(void *context);
    void *context;
};

/* Looks at a file that is whole, before it takes the place of the one that was there: false, and it
 * never does. */
struct file_check {
    bool (*look)(void *context, const char *path, struct error *error);
    void *context;
};

struct capture_options {
    bool embed_module;
    const char *base;        /* a snapshot that this one holds the changes from; may be NULL */
    const char *base_note;   /* for the notes: where it will be found; NULL: there */
    const char *module_note; /* likewise the module; NULL: guest->module_path */
    bool reproducible;       /* leave the notes section out */
    bool compress;           /* the guest's memory by LZ4; else only zeros are left out */
    struct wasi_carry carry; /* what it says of the guest's files; `times` is set by capture */
    bool sync;               /* snapshot_save: flush to the disk, so that it outlives the machine */
    const char *host;        /* for the notes: e.g. "wasmtime 36.0.2"; may be NULL */
    uint32_t keep;           /* snapshot_save: how many of that name are kept; 0 is 1 */
    const struct wrapping *wrapping;     /* snapshot_save; NULL: the file is the snapshot */
    const struct unwrapping *unwrapping; /* of the base; NULL: the file is a snapshot */
    const struct file_check *check;      /* snapshot_save; may be NULL */
};

/* Writes the snapshot of a guest at a safepoint, in one pass. What it needs of memory depends on
 * the depth of the guest's stack (and its descriptors), not on the size of its memory and tables.
 */
bool snapshot_capture(const struct guest *guest, const struct capture_options *options,
                      const struct sink *sink, struct error *error);

/* The same into a file: a temporary name beside it, then renamed, so that whenever the process is
 * killed the old file or the new one is there. Older ones are kept as PATH.1, PATH.2 and so on, the
 * newest first. `size` (may be NULL) is the file's. */
bool snapshot_save(const struct guest *guest, const struct capture_options *options,
                   const char *path, uint64_t *size, struct error *error);

/* A section's payload inside the snapshot's bytes. */
struct section {
    const uint8_t *data;
    size_t size;
};

/* A snapshot that has been read and whose every byte is covered by a checksum that is right. */
struct snapshot {
    const uint8_t *bytes; /* owned by the caller */
    size_t size;
    uint32_t version;
    uint8_t module_hash[MODULE_HASH_SIZE];
    uint64_t module_size;
    struct span module_path; /* UTF-8 */
    struct section module;   /* embedded module; data NULL when it is not there */
    bool started;
    uint32_t entry;
    enum initialize stage;
    uint32_t initialize;
    uint64_t fuel_used;
    struct section run, frames, memory, globals, tables, segments, wasi, notes, files, base, call;
    uint32_t memory_parts; /* 0: `memory` is as it is; else from its first part's header to its
                              last part's checksum, see parts.h */
    bool compressed;       /* the memory, by LZ4 */
};

/* The value of a line of the notes ("host", "module", "time"), or an empty span. */
struct span snapshot_note(const struct snapshot *snapshot, const char *key);

/* Checks the file's structure, its checksums and its notes. Errors (ERROR_SNAPSHOT) say which: not
 * a snapshot, cut short, changed (the section), a newer version. Allocates nothing. */
bool snapshot_open(struct snapshot *snapshot, const uint8_t *bytes, size_t size,
                   struct error *error);

/* Names a snapshot to those that are based on it. */
void snapshot_id(const struct snapshot *snapshot, uint8_t id[DIGEST_SIZE]);

/* Writes a snapshot and its bases as one that has none. `chain`: the snapshot, its base, that one's
 * base and so on. ERROR_SNAPSHOT when one is not the base of the one before. */
bool snapshot_squash(const struct snapshot *chain, uint32_t count, const struct sink *sink,
                     struct error *error);

/* That `module` (bytes) is the one the snapshot was taken of. */
bool snapshot_check_module(const struct snapshot *snapshot, const uint8_t *bytes, size_t size,
                           struct error *error);

/* Puts the state into an instance made with `bare` and an execution without frames; the module has
 * been held against the snapshot by snapshot_check_module. Everything is checked (ERROR_SNAPSHOT,
 * with the section, the place and the reason), the guest's memory is made last; on failure instance
 * and execution must be destroyed. WASI is not included: wasi_load before it, and wasi_resume after
 * it. */
bool snapshot_restore(const struct snapshot *snapshot, struct instance *instance,
                      struct execution *execution, struct error *error);

/* Then: what of the guest's calls runs, and which are still to come. `guest` has the instance. */
bool guest_from_snapshot(struct guest *guest, const struct snapshot *snapshot, struct error *error);

#endif
