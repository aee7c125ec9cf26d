#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "host/files.h"
#include "host/posix/posix.h"

static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                   CLOCK_THREAD_CPUTIME_ID};

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

wasi_errno host_clock_get(uint32_t clock, uint64_t *time)
{
    struct timespec now;
    if (clock >= sizeof clocks / sizeof clocks[0])
        return ERRNO_INVAL;
    if (clock_gettime(clocks[clock], &now) != 0)
        return last_errno();
    *time = nanoseconds(&now);
    return ERRNO_SUCCESS;
}

wasi_errno host_clock_resolution(uint32_t clock, uint64_t *resolution)
{
    struct timespec step;
    if (clock >= sizeof clocks / sizeof clocks[0])
        return ERRNO_INVAL;
    if (clock_getres(clocks[clock], &step) != 0)
        return last_errno();
    *resolution = nanoseconds(&step);
    return ERRNO_SUCCESS;
}

wasi_errno host_random(uint8_t *data, size_t size)
{
    while (size) {
        ssize_t got = getrandom(data, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return last_errno();
        data += got;
        size -= (size_t)got;
    }
    return ERRNO_SUCCESS;
}
