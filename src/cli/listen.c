#include "cli/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "host/files.h"

static bool listener_open(struct wasi_listener *listener, const char *address, uint32_t index,
                          struct error *error)
{
    char *bound = NULL;
    if (!host_listen(address, index, &listener->handle, &bound, error))
        return false;
    listener->address = bound;
    if (strcmp(bound, address) != 0)
        print_line(stderr, "yado: listening on %s", bound);
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
        if (!listener_open(&(*listeners)[i], addresses->items[i], i, error)) {
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
