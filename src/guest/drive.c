/* drive.c - slices of fuel.
 *
 * A slice is adapted to take about half a millisecond; requests, triggers and limits are looked at
 * every few, by the clock. So it stays right when a unit of fuel suddenly takes forty times as long.
 * Since the interpreter's loop returns after each slice, a host that compiles in tiers can replace
 * it by better code. A sealed guest is given the next slice where it is, and returns only when
 * something is to be done with it. */
#include "guest/drive.h"

#include <stdio.h>

#include "guest/checkpoints.h"
#include "guest/making.h"
#include "host/host.h"

#define SLICE_NANOSECONDS 500000u
#define SLICE_FIRST       1000u
#define SLICE_MAX         100000000u
#define LOOK_NANOSECONDS  4000000u

void drive_begin(struct session *session)
{
    session->slice = SLICE_FIRST;
    session->begun = session->last_kept = host_monotonic();
}

/* ---- limits */

static bool out_of_time(const struct session *session)
{
    uint64_t timeout = session->options->timeout;
    return timeout && host_monotonic() - session->begun >= timeout;
}

/* Whether something is to be done at the next safepoint. Files are looked at every few milliseconds:
 * that is slower than the clock. */
static bool is_due(struct session *session, uint64_t now)
{
    if (!session->due && now - session->looked >= LOOK_NANOSECONDS) {
        session->looked = now;
        session->due = checkpoint_due(session) || out_of_time(session);
    }
    return session->due;
}

bool drive_interrupted(void *context)
{
    return is_due(context, host_monotonic());
}

/* A guest that wants to go on and must not has trapped, with the limit as the reason. */
static bool within_limits(struct session *session)
{
    const struct guest_options *options = session->options;
    struct execution *execution = &session->execution;
    char *message = execution->host_message;
    const size_t size = sizeof execution->host_message;
    if (options->max_fuel && execution->fuel_used >= options->max_fuel)
        snprintf(message, size, "its fuel is used up (--max-fuel %llu)",
                 (unsigned long long)options->max_fuel);
    else if (out_of_time(session))
        snprintf(message, size, "its time is over (--timeout %llu ms)",
                 (unsigned long long)options->timeout / 1000000);
    else
        return true;
    execution->trap = TRAP_HOST;
    return false;
}

/* ---- slices */

static uint32_t at_most(uint32_t slice, uint64_t used, uint64_t end)
{
    return end > used && end - used < slice ? (uint32_t)(end - used) : slice;
}

/* Fuel for the next slice: never beyond the point where something is to happen. */
static uint32_t next_slice(const struct session *session)
{
    const struct guest_options *options = session->options;
    uint64_t used = session->execution.fuel_used;
    uint32_t slice = options->teardown
                         ? (uint32_t)(options->teardown < SLICE_MAX ? options->teardown : SLICE_MAX)
                         : session->slice;
    if (!session->after_is_over)
        slice = at_most(slice, used, session->snapshots->checkpoint_after);
    return at_most(slice, used, options->max_fuel);
}

/* Adapts the slice so that the next one takes about as long as wanted. One that was shortened does
 * not tell that the next may be longer. */
static void adapt(struct session *session, uint64_t used, uint64_t nanoseconds)
{
    bool whole = used >= session->slice_given;
    uint64_t wanted = used * SLICE_NANOSECONDS / (nanoseconds + 1) + 1;
    uint64_t limit = whole ? (uint64_t)session->slice * 2 : session->slice;
    if (wanted > limit)
        wanted = limit;
    session->slice = wanted > SLICE_MAX ? SLICE_MAX : (uint32_t)wanted;
}

static void begin_slice(struct session *session, uint64_t now)
{
    session->slice_begun = now;
    session->slice_used = session->execution.fuel_used;
    session->slice_given = next_slice(session);
}

static void end_slice(struct session *session, uint64_t now)
{
    if (session->slice_given == session->slice)
        adapt(session, session->execution.fuel_used - session->slice_used,
              now - session->slice_begun);
}

uint32_t drive_refuel(void *context)
{
    struct session *session = context;
    uint64_t now = host_monotonic();
    if (session->options->teardown || is_due(session, now) ||
        checkpoint_after_is_reached(session) || !within_limits(session))
        return 0;
    end_slice(session, now);
    begin_slice(session, now);
    return session->slice_given;
}

/* What is due at the safepoint where the guest is. False: it ends. A request that was there and is
 * not any more, or a trigger that cannot be removed, lets the guest go on for a while as well. */
static bool attend(struct session *session, bool fuel_is_out)
{
    bool goes_on = checkpoint_take(session, fuel_is_out);
    session->due = false;
    session->looked = host_monotonic();
    return goes_on;
}

bool drive(struct session *session, enum run_status *status)
{
    while (within_limits(session)) {
        begin_slice(session, host_monotonic());
        *status = execution_run(&session->execution, session->slice_given);
        bool fuel_is_out = *status == RUN_OUT_OF_FUEL;
        if (!fuel_is_out && *status != RUN_STOPPED)
            return true;
        uint64_t now = host_monotonic();
        if (fuel_is_out)
            end_slice(session, now);
        if ((is_due(session, now) || (fuel_is_out && checkpoint_after_is_reached(session))) &&
            !attend(session, fuel_is_out))
            return true;
        if (fuel_is_out && session->options->teardown && !making_tear_down(session))
            return false;
    }
    *status = RUN_TRAP;
    return true;
}
