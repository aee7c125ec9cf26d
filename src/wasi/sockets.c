/* sockets.c - connections from a listening socket that the guest was started with. */
#include "wasi/call.h"

/* A connection that was there may be gone again; the machine's listener does not block then. */
static outcome accept_next(struct wasi *wasi, struct descriptor *socket, uint16_t fdflags,
                           handle *connection)
{
    for (;;) {
        outcome error = wait_to_read(wasi, socket);
        if (!error)
            error = host_sock_accept(socket->handle, fdflags, connection);
        if (error != ERRNO_AGAIN || socket->fdflags & FDFLAG_NONBLOCK ||
            socket->kind != DESCRIPTOR_LISTENER)
            return error;
    }
}

outcome wasi_sock_accept(const struct call *call)
{
    struct descriptor *socket;
    uint32_t fd = 0, fdflags = arg32(call, 1);
    uint8_t *result = guest_at(call, arg32(call, 2), 4);
    handle connection = HANDLE_NONE;
    outcome error = descriptor_reserve(call->wasi, &fd);
    if (!error)
        error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_SOCK_ACCEPT, &socket);
    if (!error && !result)
        error = ERRNO_FAULT;
    if (!error && (fdflags & ~FDFLAG_NONBLOCK))
        error = ERRNO_INVAL;
    if (!error)
        error = accept_next(call->wasi, socket, (uint16_t)fdflags, &connection);
    if (error)
        return error;
    call->wasi->descriptors[fd] = (struct descriptor){
        .kind = DESCRIPTOR_CONNECTION,
        .handle = connection,
        .filetype = FILETYPE_SOCKET_STREAM,
        .fdflags = (uint16_t)fdflags,
        .rights = RIGHTS_SOCKET,
    };
    put_le32(result, fd);
    return ERRNO_SUCCESS;
}

outcome wasi_sock_recv(const struct call *call)
{
    struct descriptor *socket;
    struct views views;
    uint32_t done = 0, riflags = arg32(call, 3);
    uint16_t roflags = 0;
    uint8_t *size = guest_at(call, arg32(call, 4), 4);
    uint8_t *flags = guest_at(call, arg32(call, 5), 2);
    outcome error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_READ, &socket);
    if (!error && (!size || !flags))
        error = ERRNO_FAULT;
    if (!error && (riflags & ~(RIFLAG_PEEK | RIFLAG_WAITALL)))
        error = ERRNO_INVAL;
    if (!error)
        error = guest_views(call, arg32(call, 1), arg32(call, 2), &views);
    if (!error)
        error = wait_to_read(call->wasi, socket);
    if (!error)
        error = host_sock_recv(socket->handle, views.items, views.count, (uint16_t)riflags, &done,
                               &roflags);
    if (error)
        return error;
    put_le32(size, done);
    put_le16(flags, roflags);
    return ERRNO_SUCCESS;
}

outcome wasi_sock_send(const struct call *call)
{
    struct descriptor *socket;
    struct views views;
    uint32_t done = 0;
    uint8_t *size = guest_at(call, arg32(call, 4), 4);
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_WRITE, &socket);
    if (!error && !size)
        error = ERRNO_FAULT;
    if (!error && arg32(call, 3) != 0)
        error = ERRNO_INVAL;
    if (!error)
        error = guest_views(call, arg32(call, 1), arg32(call, 2), &views);
    if (!error)
        error = host_sock_send(socket->handle, views.items, views.count, &done);
    if (!error)
        put_le32(size, done);
    return error;
}

outcome wasi_sock_shutdown(const struct call *call)
{
    struct descriptor *socket;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_SOCK_SHUTDOWN, &socket);
    if (error)
        return error;
    return arg32(call, 1) > 3 ? ERRNO_INVAL
                              : host_sock_shutdown(socket->handle, (uint8_t)arg32(call, 1));
}
