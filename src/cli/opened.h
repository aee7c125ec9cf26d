/* opened.h - a snapshot file that is looked at, with its module where that is to be had. */
#ifndef CLI_OPENED_H
#define CLI_OPENED_H

#include "base/buffer.h"
#include "state/snapshot.h"

struct opened {
    struct buffer file;
    struct buffer module_bytes;
    struct snapshot snapshot;
    struct module module;
    bool has_module; /* `module` is loaded: it was given, embedded, or is where the notes say */
};

/* Errors name the file. A `module_path` (may be NULL) that is not the snapshot's is one. */
bool opened_read(struct opened *opened, const char *path, const char *module_path,
                 struct error *error);
void opened_free(struct opened *opened);

#endif
