#include "guest/hold.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "host/files.h"
#include "host/host.h"

#define PAUSE 500000u /* nanoseconds */

uint64_t wall_time(void)
{
    uint64_t now = 0;
    (void)host_clock_get(CLOCK_REAL, &now);
    return now;
}

void rest_a_moment(void)
{
    if (host_wait(NULL, 0, PAUSE) != ERRNO_SUCCESS)
        (void)host_yield();
}

/* Anything but the certainty that the file is gone holds the guest. */
static bool is_gone(const char *path)
{
    struct stat stat_;
    return stat(path, &stat_) != 0 && errno == ENOENT;
}

bool hold_guest(const char *hold)
{
    char leave[4200];
    snprintf(leave, sizeof leave, "%s" HOLD_LEAVE, hold);
    for (;;) {
        if (file_exists(leave))
            return true;
        if (is_gone(hold)) /* it may just have become the other */
            return file_exists(leave);
        rest_a_moment();
    }
}
