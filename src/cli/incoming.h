/* incoming.h - files of snapshots that are read. */
#ifndef CLI_INCOMING_H
#define CLI_INCOMING_H

#include "base/file.h"
#include "cli/options.h"
#include "guest/bases.h"

#ifdef __wasm__
static inline bool incoming_describe(const char *path,
                                     void (*line)(void *context, const char *text),
                                     struct error *error)
{
    (void)path, (void)line, (void)error;
    return true;
}

static inline bool inputs_take(const struct options *options, enum command command,
                               const struct error *error)
{
    (void)options, (void)command, (void)error;
    return true;
}
#else
/* For snapshot_options.read: a snapshot that is in an envelope comes out of it when that has been found
 * to be whole, and as require_signature and decrypt_with want it. */
bool envelopes_read(const char *path, const struct snapshot_options *options,
                    struct buffer *contents, struct error *error);

/* Tells of the envelope, if there is one, in a line. */
bool incoming_describe(const char *path, void (*line)(void *context, const char *text),
                       struct error *error);

/* Once the options are parsed: files that cannot be opened again are read (native/inputs.h). A
 * snapshot of a module that came so holds the module: nobody would find it. */
bool inputs_take(struct options *options, enum command command, struct error *error);
#endif

#endif
