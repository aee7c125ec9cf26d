#include "host/files.h"
#include "host/host.h"
#include "host/wasi/host_imports.h"

wasi_errno host_clock_get(uint32_t clock, uint64_t *time)
{
    return HOST(clock_time_get, (int32_t)clock, 0, address(time));
}

wasi_errno host_clock_resolution(uint32_t clock, uint64_t *resolution)
{
    return HOST(clock_res_get, (int32_t)clock, address(resolution));
}

uint64_t host_monotonic(void)
{
    uint64_t now = 0;
    (void)host_clock_get(CLOCK_MONO, &now);
    return now;
}

wasi_errno host_random(uint8_t *data, size_t size)
{
    /* In pieces: some hosts draw from a source that gives at most 64 KiB at a time. */
    while (size) {
        size_t piece = size < 65536 ? size : 65536;
        wasi_errno error = HOST(random_get, address(data), (int32_t)piece);
        if (error)
            return error;
        data += piece;
        size -= piece;
    }
    return ERRNO_SUCCESS;
}
