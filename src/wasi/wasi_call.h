/* wasi_call.h - one call of a WASI function by the guest: its arguments, its memory. For src/wasi only.
 *
 * A pointer from the guest is a number until guest_at has compared it with the memory's size. */
#ifndef WASI_WASI_CALL_H
#define WASI_WASI_CALL_H

#include "wasi/state.h"

struct call {
    struct wasi *wasi;
    struct execution *execution;
    const union value *arguments;
    bool unstable; /* by the layouts of "wasi_unstable", WASI's first snapshot */
};

/* An error number, which the guest gets, or how else the call ends. */
typedef uint32_t outcome;
enum { OUTCOME_STOP = 0x10000, OUTCOME_TRAP, OUTCOME_EXIT };

#define FUNCTION(name, parameters, results, modules, waits) \
    outcome wasi_##name(const struct call *call);
#include "wasi/functions.def"

static inline uint32_t arg32(const struct call *call, unsigned index)
{
    return call->arguments[index].i32;
}

static inline uint64_t arg64(const struct call *call, unsigned index)
{
    return call->arguments[index].i64;
}

/* Whether `size` bytes at `at` are inside the guest's memory. None are inside wherever that is. */
bool guest_has(const struct call *call, uint32_t at, uint64_t size);
/* `size` bytes of the guest's memory at `at`, or NULL when they are not all inside it. */
uint8_t *guest_at(const struct call *call, uint32_t at, uint64_t size);

/* Writes a result, which is inside the memory, over all that was written by then: a guest's ranges
 * may overlap. No pointer that guest_at gave is valid any longer. */
void guest_put32(const struct call *call, uint32_t at, uint32_t value);

/* The guest's vector of buffers as the machine takes it, never empty. At most MAX_VIEWS are used:
 * reading and writing may always do less than they were asked to. */
struct views {
    uint32_t count;
    struct iovec_view items[MAX_VIEWS];
};
wasi_errno guest_views(const struct call *call, uint32_t at, uint32_t count, struct views *views);

/* A path argument: inside the memory, UTF-8, relative. Where its ".." lead is for the machine to
 * see, which alone knows what is a symbolic link. */
wasi_errno guest_path(const struct call *call, uint32_t at, uint32_t size, struct path *path);
/* Whether `path` is one that a snapshot can hold: relative, no empty, "." or ".." component. "."
 * alone is the directory itself. */
bool path_is_canonical(const char *path, size_t size);
/* The canonical path of `path` in `directory` (itself canonical, or empty for a preopen). A ".." is
 * taken back by the component before it, as if that were no symbolic link. */
wasi_errno path_below(struct text *to, const struct text *directory, struct path path);

/* Whether times are either given or now. */
bool fstflags_valid(uint32_t flags);
/* Where the guest wants a filestat, in its form; NULL when that is not all inside its memory. */
uint8_t *filestat_at(const struct call *call, uint32_t at);
void put_filestat(const struct call *call, uint8_t *at, const struct filestat *stat);

static inline bool is_socket(const struct descriptor *descriptor)
{
    return descriptor->kind == DESCRIPTOR_LISTENER || descriptor->kind == DESCRIPTOR_CONNECTION;
}

/* pace.c: whether the guest has to come to a safepoint; at a call whose turn it is (unasked), and at
 * once, after what may have taken long. */
bool pace_is_due(struct wasi *wasi);
bool pace_ask(const struct wasi *wasi);

/* Waits until a read of `descriptor` will not block, asking `interrupted`. OUTCOME_STOP when it
 * says so, AGAIN when the guest asked not to wait; else success, also where the machine cannot
 * wait with a time limit. */
outcome wait_to_read(struct wasi *wasi, struct descriptor *descriptor);
/* Whether a call on a socket that gave *result is to be made again: the guest's descriptor blocks,
 * and there was nothing to be had although wait_to_read had said so (some hosts call every socket
 * ready). It is not when Yadokari is asked to stop: *result is OUTCOME_STOP then. */
bool try_again(struct wasi *wasi, const struct descriptor *socket, outcome *result);
/* Waits a little until `descriptor` can be written; then it has room, or cannot_room. OUTCOME_STOP
 * when it still cannot and Yadokari is asked to stop. */
outcome wait_to_write(const struct wasi *wasi, struct descriptor *descriptor);

#endif
