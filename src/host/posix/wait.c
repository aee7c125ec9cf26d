#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>

#include "host/files.h"
#include "host/host.h"
#include "host/posix/posix.h"

#define INTERRUPT_MICROSECONDS 5000

static uint64_t available(const struct host_wait *wait)
{
    int bytes = 0;
    if (wait->writing || ioctl(wait->file, FIONREAD, &bytes) != 0 || bytes < 0)
        return 1;
    return (uint64_t)bytes;
}

static void take_result(struct host_wait *wait, short events)
{
    wait->ready = events != 0;
    wait->hangup = (events & POLLHUP) != 0;
    wait->error = events & POLLNVAL                    ? ERRNO_BADF
                  : events & POLLERR && !wait->writing ? ERRNO_IO
                                                       : ERRNO_SUCCESS;
    wait->nbytes = wait->ready && !wait->error ? available(wait) : 0;
}

/* ppoll until it answers or the time is over; a signal does not end the guest's wait. */
static int poll_for(struct pollfd *polled, uint32_t count, uint64_t nanoseconds)
{
    uint64_t start = host_monotonic();
    for (;;) {
        uint64_t gone = host_monotonic() - start;
        uint64_t left = nanoseconds > gone ? nanoseconds - gone : 0;
        struct timespec limit = {.tv_sec = (time_t)(left / 1000000000u),
                                 .tv_nsec = (long)(left % 1000000000u)};
        int ready = ppoll(polled, count, nanoseconds == UINT64_MAX ? NULL : &limit, NULL);
        if (ready >= 0 || errno != EINTR)
            return ready;
    }
}

wasi_errno host_wait(struct host_wait *waits, uint32_t count, uint64_t nanoseconds)
{
    struct pollfd few[8];
    struct pollfd *polled = few;
    if (count > sizeof few / sizeof few[0] && !(polled = calloc(count, sizeof *polled)))
        return ERRNO_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        polled[i] =
            (struct pollfd){.fd = waits[i].file, .events = waits[i].writing ? POLLOUT : POLLIN};
    int ready = poll_for(polled, count, nanoseconds);
    wasi_errno error = errno_result(ready);
    for (uint32_t i = 0; i < count && !error; i++)
        take_result(&waits[i], polled[i].revents);
    if (polled != few)
        free(polled);
    return error;
}

static void on_alarm(int number)
{
    (void)number;
}

/* Again and again: the first one may come before the call. */
void interrupt_calls(bool on)
{
    static bool handled;
    const struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    struct itimerval timer = {0};
    if (!handled)
        handled = sigaction(SIGALRM, &action, NULL) == 0;
    if (on && handled)
        timer.it_interval.tv_usec = timer.it_value.tv_usec = INTERRUPT_MICROSECONDS;
    setitimer(ITIMER_REAL, &timer, NULL);
}

wasi_errno host_yield(void)
{
    return errno_result(sched_yield());
}
