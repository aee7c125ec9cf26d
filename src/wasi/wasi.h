/* wasi/ - WASI preview 1 as the guest sees it: its arguments, environment, descriptors and clocks,
 * all of them state that a snapshot holds. Uses exec/ (memory of the caller), host/, base/.
 *
 * wasi.h - one guest's WASI state and its functions as imports. */
#ifndef WASI_WASI_H
#define WASI_WASI_H

#include "base/buffer.h"
#include "base/error.h"
#include "exec/execution.h"

struct wasi;

struct wasi_preopen {
    const char *host_path;  /* where it is for Yadokari */
    const char *guest_path; /* what the guest calls it */
};

/* A listening socket. */
struct wasi_listener {
    const char *address; /* as the user knows it */
    int handle;          /* the machine's, non-blocking; closed when the guest closes it, and else
                            left to who gave it */
    bool taken;          /* set when it becomes a descriptor */
};

/* What becomes of the time between a snapshot and its restore. */
enum wasi_clocks {
    WASI_CLOCKS_CONTINUE, /* for the monotonic clock there was none */
    WASI_CLOCKS_JUMP      /* it is that much later, and a sleep may be over */
};

struct wasi_options {
    const char *const *arguments; /* argv[0] included */
    uint32_t narguments;
    const char *const *environment; /* "NAME=value" */
    uint32_t nenvironment;
    const struct wasi_preopen *preopens;
    uint32_t npreopens;
    struct wasi_listener *listeners; /* become the descriptors after the preopens */
    uint32_t nlisteners;
    /* Whether the guest has to come to a safepoint; asked every few milliseconds while it sleeps
     * or blocks (in hosts that can wait with a time limit), and else at its calls (wasi/pace.c). A
     * call that can wait (functions.def) returns CALL_STOP then, with the remaining time of a
     * sleep kept; others shorten the run. NULL: nobody ever asks. */
    bool (*interrupted)(void *context);
    void *context;

    /* For wasi_load and wasi_resume. */
    bool accept_changed; /* files that are not as they were are taken as they are */
    bool overwrite;      /* files that travelled replace others of their name */
    enum wasi_clocks clocks;
};

/* Strings are copied. Opens the preopens; ERROR_IO names the one that cannot be opened. */
bool wasi_create(struct wasi **wasi, const struct wasi_options *options, struct error *error);
void wasi_destroy(struct wasi *wasi);

/* Supplies one import of the guest. ERROR_LINK names an import that is not WASI preview 1
 * ("wasi_snapshot_preview1", or "wasi_unstable", the snapshot before it) or has another
 * type. */
bool wasi_import(struct wasi *wasi, const struct module *module, const struct import *import,
                 struct extern_value *value, struct error *error);

/* Appends the WASI section of a snapshot to `buffer` (layout: wasi/image_writer.c and
 * docs/snapshot-format.md). Nothing in it differs between hosts: no host path, no host descriptor
 * number. Reads offsets from the host. */
bool wasi_save(struct wasi *wasi, struct buffer *buffer, struct error *error);

/* The files section of a snapshot: what the guest's open files are like, and files that travel in
 * it (layout: wasi/carry.h). */
enum wasi_files_mode {
    WASI_FILES_REFERENCE, /* size and modification time of open files */
    WASI_FILES_VERIFY,    /* and a hash of their contents */
    WASI_FILES_EMBED      /* open files travel */
};

struct wasi_carry {
    enum wasi_files_mode files;
    const char *const *directories; /* the guest's names of directories that travel as a whole */
    uint32_t ndirectories;
    bool times;                      /* modification times are in it */
    uint64_t output_dev, output_ino; /* the snapshot's own file, if it has one; else 0 */
};

struct wasi_sink {
    bool (*write)(void *context, const void *data, size_t size, struct error *error);
    void *context;
};

/* Whether a directory of that name could travel: ERROR_USAGE when it is in none that the guest has.
 * It need not be there yet. */
bool wasi_can_embed(const struct wasi *wasi, const char *name, struct error *error);

struct wasi_files;

/* Looks at the guest's files. `size` is that of the section, 0 when there is nothing to say. Files
 * that were deleted while open always travel. `options` must outlive it. wasi_files_end frees it,
 * also after a failure. */
bool wasi_files_begin(struct wasi_files **files, struct wasi *wasi,
                      const struct wasi_carry *options, uint64_t *size, struct error *error);
/* Which files they are on this machine, for the notes of a snapshot: the directories by their
 * number, and the descriptors. */
void wasi_files_note(const struct wasi_files *files, struct buffer *directories,
                     struct buffer *opened);
/* Writes so many bytes, whose contents it reads from the files now. */
bool wasi_files_write(const struct wasi_files *files, const struct wasi_sink *sink,
                      struct error *error);
void wasi_files_end(struct wasi_files *files);

/* The two sections of a snapshot; they must last until wasi_resume. */
struct wasi_sections {
    const uint8_t *wasi;
    size_t wasi_size;
    const uint8_t *files; /* NULL where there is none */
    size_t files_size;
    struct span directories, opened; /* of wasi_files_note, or empty */
    uint64_t between; /* nanoseconds since the snapshot was taken, for WASI_CLOCKS_JUMP */
};

/* Creates the state that a snapshot holds. `options` gives the preopens that the user allows now
 * (matched to the snapshot's by guest path), listeners (by address, else in order) and
 * `interrupted`; arguments and environment come from the snapshot. Checks everything; opens
 * directories, but no file yet. Errors name the missing directory or listener, and a listener that
 * the guest has not. The sections are untrusted. */
bool wasi_load(struct wasi **wasi, const struct wasi_options *options,
               const struct wasi_sections *sections, struct error *error);

/* Once the rest of the snapshot has been found good: makes the files that travelled in it and opens
 * every file again, without truncating or creating. Errors name the file. */
bool wasi_resume(struct wasi *wasi, const struct wasi_options *options, struct error *error);

/* A person's view of the sections: one line of text for each thing in them (arguments,
 * environment, preopens, descriptors, files that travel), without host access. */
bool wasi_describe(const struct wasi_sections *sections,
                   void (*line)(void *context, const char *text), void *context,
                   struct error *error);

/* Whether this machine can wait for input with a time limit, so that a guest that blocks in a read
 * can be interrupted. Only right when standard input is a pipe or terminal with nothing in it and
 * somebody at its other end; takes 50 ms. */
bool wasi_can_wait(void);

#endif
