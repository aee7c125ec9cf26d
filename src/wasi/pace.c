/* pace.c - when a guest that makes calls is asked to come to a safepoint.
 *
 * Fuel says nothing of the time that passes in calls: a guest that waits a little again and again
 * hardly uses any. So the clock is looked at in calls too, at each of them as long as they take or
 * lie apart some time, and at every 64th of many short ones. */
#include "host/host.h"
#include "wasi/wasi_call.h"

enum { STRIDE_MAX = 64 };
static const uint64_t SHORT = 20000; /* nanoseconds from one call to the next */

bool pace_ask(const struct wasi *wasi)
{
    return wasi->interrupted && !wasi->nested && wasi->interrupted(wasi->context);
}

bool pace_is_due(struct wasi *wasi)
{
    wasi->unasked = UINT32_MAX;
    if (!wasi->interrupted)
        return false;
    uint64_t now = host_monotonic(), gone = now - wasi->asked_at;
    wasi->asked_at = now;
    if (gone > SHORT * wasi->stride)
        wasi->stride = 1;
    else if (wasi->stride < STRIDE_MAX)
        wasi->stride *= 2;
    wasi->unasked = wasi->stride;
    return pace_ask(wasi);
}
