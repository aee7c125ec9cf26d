/* clock_functions.c - the guest's clocks.
 *
 * The wall clock is the machine's. The monotonic clock and the CPU clocks go on from where they
 * stood when the snapshot was taken: the guest reads the machine's clock plus an offset. */
#include "host/host.h"
#include "wasi/wasi_call.h"

/* The machine's reading, without the guest's offset. */
static wasi_errno machine_clock(const struct wasi *wasi, uint32_t clock, uint64_t *time)
{
    if (clock > CLOCK_THREAD)
        return ERRNO_INVAL;
    wasi_errno error = host_clock_get(clock, time);
    if (error && clock >= CLOCK_PROCESS) {
        /* A host without CPU clocks: the time that the guest has been running comes close. */
        *time = host_monotonic() - wasi->started;
        return ERRNO_SUCCESS;
    }
    return error;
}

wasi_errno clock_read(struct wasi *wasi, uint32_t clock, uint64_t *time)
{
    uint64_t now;
    wasi_errno error = machine_clock(wasi, clock, &now);
    if (error || clock == CLOCK_REAL) {
        if (!error)
            *time = now;
        return error;
    }
    struct guest_clock *state = &wasi->clocks[clock];
    now += state->offset;
    if (state->asked && now < state->last)
        now = state->last;
    state->asked = true;
    state->last = now;
    *time = now;
    return ERRNO_SUCCESS;
}

void clock_continue(struct wasi *wasi, uint32_t clock, uint64_t time)
{
    uint64_t now = 0;
    (void)machine_clock(wasi, clock, &now);
    wasi->clocks[clock] = (struct guest_clock){.asked = true, .offset = time - now, .last = time};
}

outcome wasi_clock_time_get(const struct call *call)
{
    uint64_t time;
    uint8_t *result = guest_at(call, arg32(call, 2), 8);
    if (!result)
        return ERRNO_FAULT;
    wasi_errno error = clock_read(call->wasi, arg32(call, 0), &time);
    if (!error)
        put_le64(result, time);
    return error;
}

outcome wasi_clock_res_get(const struct call *call)
{
    uint64_t resolution = 0;
    uint32_t clock = arg32(call, 0);
    uint8_t *result = guest_at(call, arg32(call, 1), 8);
    if (!result)
        return ERRNO_FAULT;
    if (clock > CLOCK_THREAD)
        return ERRNO_INVAL;
    wasi_errno error = host_clock_resolution(clock, &resolution);
    if (error && clock >= CLOCK_PROCESS)
        error = host_clock_resolution(CLOCK_MONO, &resolution);
    if (!error)
        put_le64(result, resolution);
    return error;
}
