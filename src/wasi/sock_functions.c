/* sock_functions.c - connections from a listening socket that the guest was started with. */
#include "exec/reach.h"
#include "wasi/wasi_call.h"

/* The machine's sockets never block: a connection that was there may be gone again, and a host that
 * has blocked cannot be stopped. A guest whose sockets block waits here. */
static outcome accept_next(struct wasi *wasi, struct descriptor *socket, handle *connection)
{
    outcome error;
    do {
        error = wait_to_read(wasi, socket);
        if (!error)
            error = host_sock_accept(socket->handle, connection);
    } while (try_again(wasi, socket, &error));
    return error;
}

static outcome receive(struct wasi *wasi, struct descriptor *socket, const struct views *views,
                       uint16_t riflags, uint32_t *done, uint16_t *roflags)
{
    outcome error;
    do {
        error = wait_to_read(wasi, socket);
        if (!error)
            error =
                host_sock_recv(socket->handle, views->items, views->count, riflags, done, roflags);
    } while (try_again(wasi, socket, &error));
    return error;
}

static outcome transmit(const struct wasi *wasi, struct descriptor *socket,
                        const struct views *views, uint32_t *done)
{
    outcome error;
    do {
        error = host_sock_send(socket->handle, views->items, views->count, done);
        if (error != ERRNO_AGAIN || !is_socket(socket) || (socket->fdflags & FDFLAG_NONBLOCK))
            return error;
        error = wait_to_write(wasi, socket);
    } while (!error);
    return error;
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
        error = accept_next(call->wasi, socket, &connection);
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
    outcome error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_READ, &socket);
    if (!error && !(guest_has(call, arg32(call, 4), 4) && guest_has(call, arg32(call, 5), 2)))
        error = ERRNO_FAULT;
    if (!error && (riflags & ~(RIFLAG_PEEK | RIFLAG_WAITALL)))
        error = ERRNO_INVAL;
    if (!error)
        error = guest_views(call, arg32(call, 1), arg32(call, 2), &views);
    if (!error)
        error = receive(call->wasi, socket, &views, (uint16_t)riflags, &done, &roflags);
    if (error)
        return error;
    guest_put32(call, arg32(call, 4), done);
    memory_settle();
    put_le16(guest_at(call, arg32(call, 5), 2), roflags);
    return ERRNO_SUCCESS;
}

outcome wasi_sock_send(const struct call *call)
{
    struct descriptor *socket;
    struct views views;
    uint32_t done = 0;
    outcome error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_WRITE, &socket);
    if (!error && !guest_has(call, arg32(call, 4), 4))
        error = ERRNO_FAULT;
    if (!error && arg32(call, 3) != 0)
        error = ERRNO_INVAL;
    if (!error)
        error = guest_views(call, arg32(call, 1), arg32(call, 2), &views);
    if (!error)
        error = transmit(call->wasi, socket, &views, &done);
    if (!error)
        guest_put32(call, arg32(call, 4), done);
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
