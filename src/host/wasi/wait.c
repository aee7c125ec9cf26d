/* wait.c - waiting by the host's poll_oneoff.
 *
 *     subscription  48 bytes      event  32 bytes
 *      0  userdata   u64           0  userdata   u64
 *      8  tag        u8            8  error      u16
 *     16  clock id   u32          10  tag        u8
 *         or descriptor           16  bytes      u64
 *     24  timeout    u64          24  flags      u16
 *     32  precision  u64
 *     40  flags      u16 */
#include <stdlib.h>

#include "base/buffer.h"
#include "host/files.h"
#include "host/wasi/imports.h"

enum { SUBSCRIPTION_SIZE = 48, EVENT_SIZE = 32, FEW = 4 };

static void subscribe(uint8_t *at, uint64_t userdata, uint8_t tag, uint32_t what)
{
    memset(at, 0, SUBSCRIPTION_SIZE);
    put_le64(at, userdata);
    at[8] = tag;
    put_le32(at + 16, what);
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

static wasi_errno poll_host(uint8_t *subscriptions, uint8_t *events, struct host_wait *waits,
                            uint32_t count, uint64_t nanoseconds)
{
    uint32_t total = count, nevents = 0;
    for (uint32_t i = 0; i < count; i++) {
        waits[i].ready = waits[i].hangup = false;
        waits[i].error = ERRNO_SUCCESS;
        waits[i].nbytes = 0;
        subscribe(subscriptions + i * SUBSCRIPTION_SIZE, i,
                  waits[i].writing ? EVENT_FD_WRITE : EVENT_FD_READ, (uint32_t)waits[i].file);
    }
    if (nanoseconds != UINT64_MAX) {
        uint8_t *at = subscriptions + total++ * SUBSCRIPTION_SIZE;
        subscribe(at, count, EVENT_CLOCK, CLOCK_MONO);
        put_le64(at + 24, nanoseconds);
    }
    wasi_errno error = HOST(poll_oneoff, address(subscriptions), address(events), (int32_t)total,
                            address(&nevents));
    for (uint32_t i = 0; i < nevents && i < total && !error; i++)
        take_event(waits, count, events + i * EVENT_SIZE);
    return error;
}

wasi_errno host_wait(struct host_wait *waits, uint32_t count, uint64_t nanoseconds)
{
    uint64_t few_subscriptions[FEW * SUBSCRIPTION_SIZE / 8], few_events[FEW * EVENT_SIZE / 8];
    if (count < FEW)
        return poll_host((uint8_t *)few_subscriptions, (uint8_t *)few_events, waits, count,
                         nanoseconds);
    if (count >= UINT32_MAX / (SUBSCRIPTION_SIZE + EVENT_SIZE) - 1)
        return ERRNO_NOMEM;
    uint8_t *space = malloc((count + 1) * (SUBSCRIPTION_SIZE + EVENT_SIZE));
    if (!space)
        return ERRNO_NOMEM;
    wasi_errno error =
        poll_host(space, space + (count + 1) * SUBSCRIPTION_SIZE, waits, count, nanoseconds);
    free(space);
    return error;
}

wasi_errno host_yield(void)
{
    return (wasi_errno)__imported_wasi_snapshot_preview1_sched_yield();
}
