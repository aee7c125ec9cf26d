#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include <sys/socket.h>
#include <sys/uio.h>

#include "host/files.h"
#include "host/posix/posix.h"

wasi_errno host_sock_accept(handle socket, handle *connection)
{
    int file = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (file < 0)
        return last_errno();
    *connection = file;
    return ERRNO_SUCCESS;
}

wasi_errno host_sock_recv(handle socket, const struct iovec_view *views, uint32_t count,
                          uint16_t riflags, uint32_t *done, uint16_t *roflags)
{
    int flags =
        (riflags & RIFLAG_PEEK ? MSG_PEEK : 0) | (riflags & RIFLAG_WAITALL ? MSG_WAITALL : 0);
    struct msghdr message = {.msg_iov = (struct iovec *)views, .msg_iovlen = count};
    ssize_t got = recvmsg(socket, &message, flags);
    if (got < 0)
        return last_errno();
    *done = (uint32_t)got;
    *roflags = message.msg_flags & MSG_TRUNC ? 1 : 0; /* RECV_DATA_TRUNCATED */
    return ERRNO_SUCCESS;
}

wasi_errno host_sock_send(handle socket, const struct iovec_view *views, uint32_t count,
                          uint32_t *done)
{
    struct msghdr message = {.msg_iov = (struct iovec *)views, .msg_iovlen = count};
    ssize_t put = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (put < 0)
        return last_errno();
    *done = (uint32_t)put;
    return ERRNO_SUCCESS;
}

wasi_errno host_sock_shutdown(handle socket, uint8_t how)
{
    switch (how) {
    case SDFLAG_RD: return errno_result(shutdown(socket, SHUT_RD));
    case SDFLAG_WR: return errno_result(shutdown(socket, SHUT_WR));
    case SDFLAG_RD | SDFLAG_WR: return errno_result(shutdown(socket, SHUT_RDWR));
    default: return ERRNO_INVAL;
    }
}
