/* pieces.h - a file that comes in pieces from another machine, which may send as many as it likes:
 * no more is taken than was told and than there is room for. */
#ifndef CLI_NATIVE_PIECES_H
#define CLI_NATIVE_PIECES_H

#include <stddef.h>

#include "cli/native/registry.h"

struct parts {
    int file;      /* -1: none comes */
    uint64_t left; /* bytes that may still come */
    char path[PATH_ROOM];
};

/* `most`: what was told of its size, in bytes; it is also bounded by what the file system has. */
bool parts_begin(struct parts *parts, const char *path, uint64_t most, struct error *error);
bool parts_add(struct parts *parts, const void *data, size_t size, struct error *error);
/* All is there: it gets its name. */
bool parts_end(struct parts *parts, const char *name, struct error *error);
/* It does not come: removes what has. */
void parts_drop(struct parts *parts);

#endif
