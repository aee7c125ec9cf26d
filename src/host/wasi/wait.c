/* wait.c - waiting by the host's poll_oneoff.
 *
 *     subscription  48 bytes      before preview 1, 56 bytes      event  32 bytes
 *      0  userdata   u64           0  userdata   u64               0  userdata   u64
 *      8  tag        u8            8  tag        u8                8  error      u16
 *     16  clock      u32          16  identifier u64              10  tag        u8
 *         or descriptor               or descriptor               16  bytes      u64
 *     24  timeout    u64          24  clock      u32              24  flags      u16
 *     32  precision  u64          32  timeout    u64
 *     40  flags      u16          40  precision  u64
 *                                 48  flags      u16 */
#include <stdlib.h>

#include "base/buffer.h"
#include "host/files.h"
#include "host/wasi/filestat.h"
#include "host/wasi/host_imports.h"

enum { MAX_SUBSCRIPTION_SIZE = 56, EVENT_SIZE = 32, FEW = 4 };

struct layout {
    size_t size;
    size_t clock;
    size_t timeout;
};

static struct layout host_layout(void)
{
    static const struct layout now = {48, 16, 24}, before = {56, 24, 32};
    return host_has_old_structures() ? before : now;
}

static void subscribe(uint8_t *at, uint64_t userdata, const struct host_wait *wait)
{
    memset(at, 0, MAX_SUBSCRIPTION_SIZE);
    put_le64(at, userdata);
    at[8] = wait->writing ? EVENT_FD_WRITE : EVENT_FD_READ;
    put_le32(at + 16, (uint32_t)wait->file);
}

static void subscribe_clock(uint8_t *at, uint64_t userdata, uint64_t nanoseconds,
                            const struct layout *layout)
{
    memset(at, 0, MAX_SUBSCRIPTION_SIZE);
    put_le64(at, userdata);
    at[8] = EVENT_CLOCK;
    put_le32(at + layout->clock, CLOCK_MONO);
    put_le64(at + layout->timeout, nanoseconds);
}

static void take_event(struct host_wait *waits, uint32_t count, const uint8_t *event)
{
    uint64_t which = get_le64(event);
    if (which >= count || event[10] == EVENT_CLOCK)
        return;
    struct host_wait *wait = &waits[which];
    wait->error = get_le16(event + 8);
    wait->ready = true;
    wait->nbytes = get_le64(event + 16);
    wait->hangup = get_le16(event + 24) & EVENT_HANGUP;
}

/* `subscriptions` has room for one more of the largest size than there are waits. */
static wasi_errno poll_host(uint8_t *subscriptions, uint8_t *events, struct host_wait *waits,
                            uint32_t count, uint64_t nanoseconds)
{
    struct layout layout = host_layout();
    uint32_t total = count, nevents = 0;
    for (uint32_t i = 0; i < count; i++) {
        waits[i].ready = waits[i].hangup = false;
        waits[i].error = ERRNO_SUCCESS;
        waits[i].nbytes = 0;
        subscribe(subscriptions + i * layout.size, i, &waits[i]);
    }
    if (nanoseconds != UINT64_MAX)
        subscribe_clock(subscriptions + total++ * layout.size, count, nanoseconds, &layout);
    wasi_errno error = HOST(poll_oneoff, address(subscriptions), address(events), (int32_t)total,
                            address(&nevents));
    for (uint32_t i = 0; i < nevents && i < total && !error; i++)
        take_event(waits, count, events + i * EVENT_SIZE);
    return error;
}

wasi_errno host_wait(struct host_wait *waits, uint32_t count, uint64_t nanoseconds)
{
    uint64_t few_subscriptions[FEW * MAX_SUBSCRIPTION_SIZE / 8], few_events[FEW * EVENT_SIZE / 8];
    if (count < FEW)
        return poll_host((uint8_t *)few_subscriptions, (uint8_t *)few_events, waits, count,
                         nanoseconds);
    if (count >= UINT32_MAX / (MAX_SUBSCRIPTION_SIZE + EVENT_SIZE) - 1)
        return ERRNO_NOMEM;
    uint8_t *space = malloc((count + 1) * (MAX_SUBSCRIPTION_SIZE + EVENT_SIZE));
    if (!space)
        return ERRNO_NOMEM;
    wasi_errno error =
        poll_host(space, space + (count + 1) * MAX_SUBSCRIPTION_SIZE, waits, count, nanoseconds);
    free(space);
    return error;
}

wasi_errno host_yield(void)
{
    return (wasi_errno)__imported_wasi_snapshot_preview1_sched_yield();
}
