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

struct wasi_options {
    const char *const *arguments; /* argv[0] included */
    uint32_t narguments;
    const char *const *environment; /* "NAME=value" */
    uint32_t nenvironment;
    const struct wasi_preopen *preopens;
    uint32_t npreopens;
    /* Asked at least every 50 ms while a guest sleeps or (where the host can wait with a time
     * limit) blocks in a read: true makes the call return CALL_STOP, with the remaining time of a
     * sleep kept. May be NULL. */
    bool (*interrupted)(void *context);
    void *context;
};

/* Strings are copied. Opens the preopens; ERROR_IO names the one that cannot be opened. */
bool wasi_create(struct wasi **wasi, const struct wasi_options *options, struct error *error);
void wasi_destroy(struct wasi *wasi);

/* Supplies one import of the guest. ERROR_LINK names an import that is not WASI preview 1
 * ("wasi_snapshot_preview1", and "wasi_unstable" where it is the same function) or has another
 * type. */
bool wasi_import(struct wasi *wasi, const struct module *module, const struct import *import,
                 struct extern_value *value, struct error *error);

/* Appends the WASI section of a snapshot to `buffer` (layout: wasi/save.c and
 * docs/snapshot-format.md). Nothing in it differs between hosts: no host path, no host descriptor
 * number. Reads offsets from the host. */
bool wasi_save(struct wasi *wasi, struct buffer *buffer, struct error *error);

/* Creates the state that a snapshot holds. `options` gives the preopens that the user allows now
 * (matched to the snapshot's by guest path) and `interrupted`; arguments and environment come from
 * the snapshot. Checks everything first; opens every file again without truncating or creating.
 * Errors name the missing directory or file. `data` is untrusted. */
bool wasi_load(struct wasi **wasi, const struct wasi_options *options, const uint8_t *data,
               size_t size, struct error *error);

/* A person's view of a WASI section: one line of text for each thing in it (arguments,
 * environment, preopens, descriptors), without host access. */
bool wasi_describe(const uint8_t *data, size_t size, void (*line)(void *context, const char *text),
                   void *context, struct error *error);

/* Whether this machine can wait for input with a time limit, so that a guest that blocks in a read
 * can be interrupted. Only right when standard input is a pipe or terminal with nothing in it and
 * somebody at its other end; takes 50 ms. */
bool wasi_can_wait(void);

#endif
