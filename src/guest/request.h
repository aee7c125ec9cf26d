/* request.h - what is asked of a running guest by `yado checkpoint`, `yado migrate` and --tier
 * auto: one record, one file of lines "key=value". One is asked at a time (native/turn.h), and the
 * answer repeats its id:
 *
 *     who asks                                  the guest
 *     writes hold, request (id)  ────────────▶  takes the request: renames it, so that it is either
 *                                               withdrawn or taken
 *     reads answer (id)          ◀────────────  writes the snapshot and the answer
 *     puts the snapshot where it belongs        waits for as long as `hold` is there
 *     hold becomes hold.leave    ────────────▶  ends
 *     or: hold is removed        ────────────▶  goes on
 *
 * So a guest never ends before its snapshot is where it was asked for, and one whose asker has
 * changed its mind, at whatever moment, goes on. */
#ifndef GUEST_REQUEST_H
#define GUEST_REQUEST_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/list.h"

struct request {
    const char *id;       /* hexadecimal digits */
    const char *snapshot; /* where it goes; this and the following may be NULL */
    const char *base;     /* as snapshot_options has them, in the guest's host */
    const char *base_note;
    const char *hold; /* a file: after the answer the guest waits (standby.h) */
    struct list embed;
    uint64_t files; /* enum wasi_files_mode */
    bool leave_running;
    bool move; /* to be as is said here, whatever the guest was started with */
    bool embed_module;
    bool compress;
    bool sync;
    bool verify;
    struct buffer
        text; /* of one that was read: owned, as is `embed` then; the rest points into it */
};

/* Takes what lies at `path` away and reads it. False when nothing does (any more). */
bool request_take(struct request *request, const char *path);
/* Of one that was read. */
void request_free(struct request *request);

/* What request_take reads. ERROR_USAGE for a text that does not fit into a line. */
bool request_put(const struct request *request, struct buffer *text, struct error *error);
bool request_read(struct request *request);

#endif
