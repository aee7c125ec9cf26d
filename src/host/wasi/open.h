/* open.h - the host's path_open, for a path that resolve.c or the user vouches for. */
#ifndef HOST_WASI_OPEN_H
#define HOST_WASI_OPEN_H

#include "host/files.h"

/* Asks for the rights as far as the host lets anybody have them. */
wasi_errno open_on_host(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                        uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file);

#endif
