/* accept.c - the listening sockets that the host gives to yadokari-sockets.wasm. */
#include <string.h>
#include <wasi/libc.h>

#include "host/files.h"
#include "host/wasi/host_imports.h"

enum { FIRST_GIVEN = 3 };

int32_t __imported_wasi_snapshot_preview1_sock_accept(int32_t fd, int32_t flags, int32_t accepted)
    __attribute__((__import_module__("wasi_snapshot_preview1"), __import_name__("sock_accept")));

/* They lie before the directories (wasmi) or behind them (wazero). wasi-libc looks for directories
 * up to the first descriptor that is none: it is told of those behind a socket. */
__attribute__((constructor)) static void tell_libc(void)
{
    uint8_t filetype;
    uint16_t flags;
    char name[4096];
    bool behind = false;
    for (handle fd = FIRST_GIVEN; host_fdstat_get(fd, &filetype, &flags) == ERRNO_SUCCESS; fd++) {
        behind |= filetype == FILETYPE_SOCKET_STREAM;
        if (behind && host_preopen_name((uint32_t)(fd - FIRST_GIVEN), name, sizeof name) && name[0])
            __wasilibc_register_preopened_fd(fd, name);
    }
}

bool host_listen(const char *address, uint32_t index, handle *listener, char **bound,
                 struct error *error)
{
    uint8_t filetype;
    uint16_t flags;
    uint32_t seen = 0;
    for (handle fd = FIRST_GIVEN; host_fdstat_get(fd, &filetype, &flags) == ERRNO_SUCCESS; fd++) {
        if (filetype != FILETYPE_SOCKET_STREAM || seen++ != index)
            continue;
        wasi_errno failure = host_fdstat_set_flags(fd, FDFLAG_NONBLOCK);
        *listener = fd;
        *bound = strdup(address);
        return (!failure && *bound) ||
               error_set(error, ERROR_IO, "--listen %s: %s", address, errno_message(failure));
    }
    return error_set(error, ERROR_IO, "--listen %s: the host has given no socket for it", address);
}

wasi_errno host_sock_accept(handle socket, handle *connection)
{
    return HOST(sock_accept, socket, FDFLAG_NONBLOCK, address(connection));
}
