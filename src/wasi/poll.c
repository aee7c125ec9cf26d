/* poll.c - sleeping and waiting, in slices, so that a checkpoint request is answered meanwhile.
 *
 * A wait that is interrupted ends with OUTCOME_STOP: the guest stops before this call and makes it
 * again when it goes on, perhaps elsewhere. What it has already waited is kept in the state, and
 * the repeated call waits for the rest only. */
#include <stdlib.h>

#include "host/host.h"
#include "wasi/wasi_call.h"

static const uint64_t FOR_EVER = UINT64_MAX;
static const uint64_t SLICE = 5000000; /* nanoseconds */

enum { SUBSCRIPTION_SIZE = 48, EVENT_SIZE = 32 };

struct subscription {
    uint64_t userdata;
    uint8_t tag;
    bool fired;
    bool hangup;
    wasi_errno error;
    uint64_t nbytes;
    uint64_t remaining; /* clock: nanoseconds from now */
    uint32_t wait;      /* descriptor: index in poll.waits, or NO_WAIT */
};

static const uint32_t NO_WAIT = UINT32_MAX;

struct poll {
    struct subscription *subscriptions;
    uint32_t count;
    uint32_t clock_at; /* bytes that stand before a clock's part */
    struct host_wait *waits;
    uint32_t nwaits;
    bool fired; /* some subscription needs no waiting */
    uint64_t remaining;
};

/* ---- waiting in slices */

static bool any_ready(const struct host_wait *waits, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (waits[i].ready || waits[i].error)
            return true;
    return false;
}

/* Some hosts end a wait whenever a signal reaches their process, as wazero does with those of its
 * own scheduler. Then nothing has happened yet. */
static wasi_errno wait_once(struct host_wait *waits, uint32_t count, uint64_t nanoseconds)
{
    wasi_errno error = host_wait(waits, count, nanoseconds);
    for (uint32_t i = 0; i < count; i++)
        if (waits[i].error == ERRNO_INTR)
            waits[i] = (struct host_wait){.file = waits[i].file, .writing = waits[i].writing};
    return error == ERRNO_INTR ? ERRNO_SUCCESS : error;
}

/* Waits for `limit` nanoseconds or until something is ready. `gone` is the time that it took; at
 * least `limit` when that is over, however the machine rounds. */
static outcome wait_in_slices(struct wasi *wasi, struct host_wait *waits, uint32_t count,
                              uint64_t limit, uint64_t *gone)
{
    uint64_t start = host_monotonic();
    *gone = 0;
    for (;;) {
        uint64_t left = limit == FOR_EVER ? FOR_EVER : limit > *gone ? limit - *gone : 0;
        uint64_t slice = wasi->interrupted && left > SLICE ? SLICE : left;
        wasi_errno error = wait_once(waits, count, slice);
        *gone = host_monotonic() - start;
        if (error || any_ready(waits, count))
            return error;
        if (*gone >= limit)
            return ERRNO_SUCCESS;
        if (pace_ask(wasi))
            return OUTCOME_STOP;
    }
}

outcome wait_to_read(struct wasi *wasi, struct descriptor *descriptor)
{
    /* NONBLOCK is only ours to know */
    bool own = descriptor->kind == DESCRIPTOR_STREAM || is_socket(descriptor);
    bool nonblock = descriptor->fdflags & FDFLAG_NONBLOCK;
    bool never_blocks = descriptor->always_ready || descriptor->filetype == FILETYPE_REGULAR_FILE ||
                        descriptor->filetype == FILETYPE_DIRECTORY || (nonblock && !own);
    if (never_blocks || descriptor->cannot_wait || (!wasi->interrupted && !nonblock))
        return ERRNO_SUCCESS;
    struct host_wait wait = {.file = descriptor->handle};
    uint64_t gone;
    outcome result = wait_in_slices(wasi, &wait, 1, nonblock ? 0 : FOR_EVER, &gone);
    if (result == OUTCOME_STOP)
        return result;
    if (result || wait.error) /* the read itself will say what is wrong, if anything is */
        descriptor->cannot_wait = true;
    else if (!wait.ready)
        return ERRNO_AGAIN;
    return ERRNO_SUCCESS;
}

static bool must_block(const struct descriptor *socket, outcome result)
{
    return result == ERRNO_AGAIN && !(socket->fdflags & FDFLAG_NONBLOCK) && is_socket(socket);
}

bool try_again(struct wasi *wasi, const struct descriptor *socket, outcome *result)
{
    if (!must_block(socket, *result))
        return false;
    if (!pace_ask(wasi)) {
        if (socket->cannot_wait)
            host_wait(NULL, 0, SLICE);
        return true;
    }
    *result = OUTCOME_STOP;
    return false;
}

/* What a pipe surely takes once it can be written, and a terminal. */
enum { PIPE_ROOM = 4096, TERMINAL_ROOM = 256 };

outcome wait_to_write(const struct wasi *wasi, struct descriptor *descriptor)
{
    struct host_wait wait = {.file = descriptor->handle, .writing = true};
    wasi_errno error = wait_once(&wait, 1, SLICE);
    if (error || wait.error) {
        descriptor->cannot_room = true;
        if (is_socket(descriptor))
            host_wait(NULL, 0, SLICE);
    }
    if (wait.ready)
        descriptor->room =
            descriptor->filetype == FILETYPE_CHARACTER_DEVICE ? TERMINAL_ROOM : PIPE_ROOM;
    return !wait.ready && pace_ask(wasi) ? OUTCOME_STOP : ERRNO_SUCCESS;
}

bool wasi_can_wait(void)
{
    const uint64_t limit = 50000000;
    struct host_wait wait = {.file = HANDLE_STDIN};
    uint64_t start = host_monotonic();
    if (host_wait(&wait, 1, limit) != ERRNO_SUCCESS || wait.ready || wait.error)
        return false;
    return host_monotonic() - start < 10 * limit;
}

/* ---- subscriptions */

/* subscription: 0 userdata u64, 8 tag u8, 16 clock or descriptor u32, 24 timeout u64,
 * 32 precision u64, 40 flags u16. In the first snapshot a clock's part has an identifier u64 before
 * it, which nothing asks for. */
static void subscribe_clock(struct wasi *wasi, const uint8_t *from, struct subscription *to)
{
    uint32_t clock = get_le32(from + 16);
    uint64_t timeout = get_le64(from + 24), now = 0;
    to->remaining = timeout;
    if (clock > CLOCK_MONO)
        to->error = clock > CLOCK_THREAD ? ERRNO_INVAL : ERRNO_NOTSUP;
    else if (get_le16(from + 40) & SUBCLOCKFLAG_ABSOLUTE)
        to->error = clock_read(wasi, clock, &now);
    else
        now = wasi->waiting ? wasi->waited : 0;
    if (!to->error && timeout != FOR_EVER)
        to->remaining = timeout > now ? timeout - now : 0;
    to->fired = to->error != ERRNO_SUCCESS;
}

/* How much of a regular file is left to read. */
static uint64_t bytes_left(const struct descriptor *descriptor)
{
    struct filestat stat;
    uint64_t position;
    if (host_filestat_get(descriptor->handle, &stat) != ERRNO_SUCCESS ||
        host_seek(descriptor->handle, 0, WHENCE_CUR, &position) != ERRNO_SUCCESS)
        return 1;
    return stat.size > position ? stat.size - position : 0;
}

static void subscribe_descriptor(struct wasi *wasi, const uint8_t *from, struct poll *poll,
                                 struct subscription *to)
{
    struct descriptor *descriptor;
    bool writing = to->tag == EVENT_FD_WRITE;
    to->error = descriptor_get(wasi, get_le32(from + 16), RIGHT_POLL_FD_READWRITE, &descriptor);
    to->fired = true;
    if (to->error)
        return;
    if (descriptor->filetype == FILETYPE_REGULAR_FILE) {
        to->nbytes = writing ? 1 : bytes_left(descriptor);
    } else if (descriptor->filetype == FILETYPE_DIRECTORY || descriptor->always_ready) {
        to->nbytes = 1;
    } else {
        to->fired = false;
        to->wait = poll->nwaits++;
        poll->waits[to->wait] = (struct host_wait){.file = descriptor->handle, .writing = writing};
    }
}

static wasi_errno subscribe(struct wasi *wasi, const uint8_t *from, struct poll *poll,
                            struct subscription *to)
{
    *to = (struct subscription){.userdata = get_le64(from), .tag = from[8], .wait = NO_WAIT};
    switch (to->tag) {
    case EVENT_CLOCK: subscribe_clock(wasi, from + poll->clock_at, to); break;
    case EVENT_FD_READ:
    case EVENT_FD_WRITE: subscribe_descriptor(wasi, from, poll, to); break;
    default: return ERRNO_INVAL;
    }
    if (to->tag == EVENT_CLOCK && to->remaining < poll->remaining)
        poll->remaining = to->remaining;
    poll->fired |= to->fired;
    return ERRNO_SUCCESS;
}

/* ---- events */

static bool has_fired(const struct poll *poll, struct subscription *subscription, uint64_t gone)
{
    if (subscription->fired || subscription->wait == NO_WAIT)
        return subscription->fired || subscription->remaining <= gone;
    const struct host_wait *wait = &poll->waits[subscription->wait];
    subscription->error = wait->error;
    subscription->nbytes = wait->nbytes;
    subscription->hangup = wait->hangup;
    return wait->ready || wait->error;
}

/* event: 0 userdata u64, 8 error u16, 10 tag u8, 16 bytes u64, 24 flags u16. */
static uint32_t put_events(const struct poll *poll, uint64_t gone, uint8_t *at)
{
    uint32_t nevents = 0;
    for (uint32_t i = 0; i < poll->count; i++) {
        struct subscription *subscription = &poll->subscriptions[i];
        if (!has_fired(poll, subscription, gone))
            continue;
        memset(at, 0, EVENT_SIZE);
        put_le64(at, subscription->userdata);
        put_le16(at + 8, subscription->error);
        at[10] = subscription->tag;
        put_le64(at + 16, subscription->nbytes);
        put_le16(at + 24, subscription->hangup ? EVENT_HANGUP : 0);
        at += EVENT_SIZE;
        nevents++;
    }
    return nevents;
}

/* ---- poll_oneoff */

static outcome run_poll(struct wasi *wasi, struct poll *poll, uint64_t *gone)
{
    uint64_t limit = poll->fired ? 0 : poll->remaining;
    outcome result = wait_in_slices(wasi, poll->waits, poll->nwaits, limit, gone);
    if (result == ERRNO_SUCCESS || result == OUTCOME_STOP)
        return result;
    /* This machine cannot wait for one of the descriptors. Ready is what POSIX says of those. */
    for (uint32_t i = 0; i < poll->nwaits; i++)
        poll->waits[i] = (struct host_wait){.ready = true, .nbytes = 1};
    return poll->nwaits ? ERRNO_SUCCESS : result;
}

static outcome poll_all(struct wasi *wasi, struct poll *poll, const uint8_t *in, uint8_t *out,
                        uint8_t *result)
{
    const uint32_t size = SUBSCRIPTION_SIZE + poll->clock_at;
    uint64_t gone = 0;
    for (uint32_t i = 0; i < poll->count; i++) {
        wasi_errno error = subscribe(wasi, in + (size_t)i * size, poll, &poll->subscriptions[i]);
        if (error)
            return error;
    }
    outcome status = run_poll(wasi, poll, &gone);
    if (status == OUTCOME_STOP) {
        wasi->waited = (wasi->waiting ? wasi->waited : 0) + gone;
        wasi->waiting = true;
        return status;
    }
    wasi->waiting = false;
    wasi->waited = 0;
    if (!status)
        put_le32(result, put_events(poll, gone, out));
    return status;
}

outcome wasi_poll_oneoff(const struct call *call)
{
    uint32_t count = arg32(call, 2), clock_at = call->unstable ? 8 : 0;
    uint64_t size = (uint64_t)count * (SUBSCRIPTION_SIZE + clock_at);
    const uint8_t *in = guest_at(call, arg32(call, 0), size);
    uint8_t *out = guest_at(call, arg32(call, 1), (uint64_t)count * EVENT_SIZE);
    uint8_t *result = guest_at(call, arg32(call, 3), 4);
    if (!in || !out || !result)
        return ERRNO_FAULT;
    if (count == 0)
        return ERRNO_INVAL;
    struct poll poll = {.count = count, .clock_at = clock_at, .remaining = FOR_EVER};
    poll.subscriptions = calloc(count, sizeof *poll.subscriptions);
    poll.waits = calloc(count, sizeof *poll.waits);
    outcome status = ERRNO_NOMEM;
    if (poll.subscriptions && poll.waits)
        status = poll_all(call->wasi, &poll, in, out, result);
    free(poll.subscriptions);
    free(poll.waits);
    return status;
}
