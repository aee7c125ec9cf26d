/* open.h - the host's path_open, for a path that resolve.c or the user vouches for. */
#ifndef HOST_WASI_OPEN_H
#define HOST_WASI_OPEN_H

#include "host/files.h"

struct opening {
    handle dir;
    uint32_t lookup;
    struct path path;
    uint16_t oflags;
    uint64_t rights;
    uint64_t inheriting;
    uint16_t fdflags;
};

/* Makes the best of what the host has: rights that it lets nobody have and flags that it does not
 * know are left out, as long as the file can be read and written as was asked. */
wasi_errno open_on_host(struct opening opening, handle *file);

#endif
