#include "host/files.h"
#include "host/wasi/host_imports.h"

/* sock_accept came to the preview in 2022. A module that imports it has a warning printed into its
 * output on an older host, and most of the newer ones have no socket to give (docs/cli.md): only
 * yadokari-sockets.wasm does, with newer/sockets.c in place of this. */
__attribute__((weak)) wasi_errno host_sock_accept(handle socket, handle *connection)
{
    (void)socket;
    (void)connection;
    return ERRNO_NOTSUP;
}

wasi_errno host_sock_recv(handle socket, const struct iovec_view *views, uint32_t count,
                          uint16_t riflags, uint32_t *done, uint16_t *roflags)
{
    return HOST(sock_recv, socket, address(views), (int32_t)count, riflags, address(done),
                address(roflags));
}

wasi_errno host_sock_send(handle socket, const struct iovec_view *views, uint32_t count,
                          uint32_t *done)
{
    return HOST(sock_send, socket, address(views), (int32_t)count, 0, address(done));
}

wasi_errno host_sock_shutdown(handle socket, uint8_t how)
{
    return HOST(sock_shutdown, socket, how);
}
