/* opened.h - a snapshot file that is looked at, with its module where that is to be had. */
#ifndef CLI_OPENED_H
#define CLI_OPENED_H

#include "base/buffer.h"
#include "cli/options.h"
#include "state/snapshot.h"

struct opened {
    struct buffer file; /* with its bases, when it has some */
    struct buffer module_bytes;
    struct snapshot snapshot;
    struct module module;
    bool has_module; /* `module` is loaded: it was given, embedded, or is where the notes say */
};

/* Errors name the file. A module given by the options that is not the snapshot's is one. With
 * `whole`, a snapshot that has a base and its bases become one. */
bool opened_read(struct opened *opened, const char *path, const struct options *options, bool whole,
                 struct error *error);
void opened_free(struct opened *opened);

/* native/inspect_json.c: prints it as JSON. */
bool inspect_json(const struct opened *opened, const struct options *options, struct error *error);

#endif
