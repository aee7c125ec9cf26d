/* listeners.c - listening sockets for guests. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/files.h"

#define HOST_MAX 256

static bool refuse(struct error *error, const char *address, const char *why)
{
    return error_set(error, ERROR_IO, "--listen %s: %s", address, why);
}

/* "HOST:PORT" or "[HOST]:PORT" in two; returns the port, or NULL. */
static const char *split(const char *address, char host[HOST_MAX])
{
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;
    if (size == 0 || size >= HOST_MAX || colon[1] == 0)
        return NULL;
    bool brackets = address[0] == '[' && colon[-1] == ']';
    snprintf(host, HOST_MAX, "%.*s", (int)(size - 2 * brackets), address + brackets);
    return colon + 1;
}

/* The guest's calls wait by poll, never in accept: the socket does not block. */
static int open_socket(const struct addrinfo *info)
{
    int yes = 1;
    int file = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file >= 0 && setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(file, info->ai_addr, info->ai_addrlen) == 0 && listen(file, SOMAXCONN) == 0)
        return file;
    if (file >= 0) {
        int reason = errno;
        close(file);
        errno = reason;
    }
    return -1;
}

/* Where it listens, with the port that port 0 became. */
static char *bound_address(int file, const char *host)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char port[16], text[HOST_MAX + 24];
    if (getsockname(file, (struct sockaddr *)&bound, &size) != 0 ||
        getnameinfo((struct sockaddr *)&bound, size, NULL, 0, port, sizeof port, NI_NUMERICSERV))
        return NULL;
    snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return strdup(text);
}

bool host_listen(const char *address, uint32_t index, handle *listener, char **bound,
                 struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char host[HOST_MAX];
    struct addrinfo *info;
    const char *port = split(address, host);
    (void)index;
    if (!port)
        return refuse(error, address, "not of the form ADDRESS:PORT");
    int failure = getaddrinfo(host, port, &hints, &info);
    if (failure)
        return refuse(error, address, gai_strerror(failure));
    *listener = open_socket(info);
    freeaddrinfo(info);
    if (*listener < 0)
        return refuse(error, address, strerror(errno));
    *bound = bound_address(*listener, host);
    return *bound || refuse(error, address, "its port cannot be found out");
}
