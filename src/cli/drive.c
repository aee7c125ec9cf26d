/* drive.c - slices of fuel.
 *
 * A slice is adapted to take about 5 ms. Since the interpreter's loop returns after each of them, a
 * host that compiles in tiers can replace it by better code. A sealed guest is given the next slice
 * where it is, and returns only when something is to be done with it. */
#include "cli/drive.h"

#include <stdio.h>

#include "host/host.h"

#define SLICE_NANOSECONDS 5000000u
#define SLICE_MIN         1000u
#define SLICE_MAX         100000000u

void drive_begin(struct session *session)
{
    session->slice = SLICE_MIN;
    session->begun = session->last_kept = host_monotonic();
}

/* Limits. */

static bool out_of_time(const struct session *session)
{
    uint64_t timeout = session->options->timeout;
    return timeout && host_monotonic() - session->begun >= timeout;
}

bool drive_interrupted(void *context)
{
    const struct session *session = context;
    return checkpoint_due(session) || out_of_time(session);
}

/* A guest that wants to go on and must not has trapped, with the limit as the reason. */
static bool within_limits(struct session *session)
{
    const struct options *options = session->options;
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

/* Slices. */

static uint32_t at_most(uint32_t slice, uint64_t used, uint64_t end)
{
    return end > used && end - used < slice ? (uint32_t)(end - used) : slice;
}

/* Fuel for the next slice: never beyond the point where something is to happen. */
static uint32_t next_slice(const struct session *session)
{
    const struct options *options = session->options;
    uint64_t used = session->execution.fuel_used;
    uint32_t slice = options->teardown
                         ? (uint32_t)(options->teardown < SLICE_MAX ? options->teardown : SLICE_MAX)
                         : session->slice;
    if (!session->after_is_over)
        slice = at_most(slice, used, options->checkpoint_after);
    return at_most(slice, used, options->max_fuel);
}

/* Adapts the slice so that the next one takes about as long as wanted. */
static void adapt(struct session *session, uint32_t slice, uint64_t nanoseconds)
{
    uint64_t wanted = nanoseconds < SLICE_NANOSECONDS / 16
                          ? (uint64_t)slice * 16
                          : (uint64_t)slice * SLICE_NANOSECONDS / nanoseconds;
    session->slice = wanted < SLICE_MIN   ? SLICE_MIN
                     : wanted > SLICE_MAX ? SLICE_MAX
                                          : (uint32_t)wanted;
}

static void begin_slice(struct session *session)
{
    session->slice_begun = host_monotonic();
    session->slice_given = next_slice(session);
}

static void end_slice(struct session *session)
{
    if (session->slice_given == session->slice)
        adapt(session, session->slice, host_monotonic() - session->slice_begun);
}

uint32_t drive_refuel(void *context)
{
    struct session *session = context;
    if (session->options->teardown || checkpoint_wanted(session, true) || !within_limits(session))
        return 0;
    end_slice(session);
    begin_slice(session);
    return session->slice_given;
}

bool drive(struct session *session, enum run_status *status)
{
    while (within_limits(session)) {
        begin_slice(session);
        *status = execution_run(&session->execution, session->slice_given);
        bool fuel_is_out = *status == RUN_OUT_OF_FUEL;
        if (!fuel_is_out && *status != RUN_STOPPED)
            return true;
        if (fuel_is_out)
            end_slice(session);
        if (!checkpoint_take(session, fuel_is_out))
            return true;
        if (fuel_is_out && session->options->teardown && !session_tear_down(session))
            return false;
    }
    *status = RUN_TRAP;
    return true;
}
