#include "host/wasi/filestat.h"

#include "base/buffer.h"
#include "host/wasi/host_imports.h"

/* No file was changed at this nanosecond: it lies beyond the year 2500. */
static const uint64_t UNTOUCHED = UINT64_C(0xfedcba9876543210);

void filestat_prepare(struct filestat *stat)
{
    *stat = (struct filestat){.ctim = UNTOUCHED};
}

void filestat_settle(struct filestat *stat)
{
    if (stat->ctim != UNTOUCHED)
        return;
    const uint8_t *old = (const uint8_t *)stat;
    struct filestat now = {
        .dev = stat->dev,
        .ino = stat->ino,
        .filetype = stat->filetype,
        .nlink = get_le32(old + 20),
        .size = get_le64(old + 24),
        .atim = get_le64(old + 32),
        .mtim = get_le64(old + 40),
        .ctim = get_le64(old + 48),
    };
    *stat = now;
}

bool host_has_old_structures(void)
{
    static enum { UNKNOWN, OLD, NEW } host;
    /* Any descriptor will do that there is: a stream or the first preopen. */
    for (int32_t fd = 0; host == UNKNOWN && fd <= 3; fd++) {
        struct filestat stat;
        filestat_prepare(&stat);
        if (HOST(fd_filestat_get, fd, address(&stat)) == ERRNO_SUCCESS)
            host = stat.ctim == UNTOUCHED ? OLD : NEW;
    }
    return host == OLD;
}
