#include "cli/native/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    int handle = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle >= 0 && setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(handle, info->ai_addr, info->ai_addrlen) == 0 && listen(handle, SOMAXCONN) == 0)
        return handle;
    if (handle >= 0) {
        int reason = errno;
        close(handle);
        errno = reason;
    }
    return -1;
}

/* Where it listens, with the port that port 0 became. */
static char *bound_address(int handle, const char *host)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char port[16], text[HOST_MAX + 24];
    if (getsockname(handle, (struct sockaddr *)&bound, &size) != 0 ||
        getnameinfo((struct sockaddr *)&bound, size, NULL, 0, port, sizeof port, NI_NUMERICSERV))
        return NULL;
    snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return strdup(text);
}

static bool listener_open(struct wasi_listener *listener, const char *address, struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char host[HOST_MAX];
    struct addrinfo *info;
    const char *port = split(address, host);
    if (!port)
        return refuse(error, address, "not of the form ADDRESS:PORT");
    int failure = getaddrinfo(host, port, &hints, &info);
    if (failure)
        return refuse(error, address, gai_strerror(failure));
    listener->handle = open_socket(info);
    freeaddrinfo(info);
    if (listener->handle < 0)
        return refuse(error, address, strerror(errno));
    listener->address = bound_address(listener->handle, host);
    if (!listener->address)
        return refuse(error, address, "its port cannot be found out");
    if (strcmp(port, "0") == 0)
        fprintf(stderr, "yado: listening on %s\n", listener->address);
    return true;
}

bool listeners_open(struct wasi_listener **listeners, const struct list *addresses,
                    struct error *error)
{
    *listeners = NULL;
    if (addresses->count == 0)
        return true;
    *listeners = calloc(addresses->count, sizeof **listeners);
    if (!*listeners)
        return error_set(error, ERROR_MEMORY, "no memory for the sockets");
    for (uint32_t i = 0; i < addresses->count; i++)
        if (!listener_open(&(*listeners)[i], addresses->items[i], error)) {
            listeners_free(*listeners, addresses->count);
            *listeners = NULL;
            return false;
        }
    return true;
}

void listeners_free(struct wasi_listener *listeners, uint32_t count)
{
    for (uint32_t i = 0; listeners && i < count; i++)
        free((void *)(uintptr_t)listeners[i].address);
    free(listeners);
}
