/* incoming.h - files of snapshots that are read. */
#ifndef CLI_INCOMING_H
#define CLI_INCOMING_H

#include "cli/file.h"
#include "cli/options.h"

/* Appends the snapshot in a file to `contents`. Natively (native/envelopes.c) one that is in an
 * envelope comes out of it when that has been found to be whole, and as options->require_signature
 * and options->decrypt_with want it; ERROR_SNAPSHOT does not name the file. */
#ifdef __wasm__
static inline bool incoming_read(const char *path, const struct options *options,
                                 struct buffer *contents, struct error *error)
{
    (void)options;
    return file_read(path, contents, error);
}

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
bool incoming_read(const char *path, const struct options *options, struct buffer *contents,
                   struct error *error);

/* Tells of the envelope, if there is one, in a line. */
bool incoming_describe(const char *path, void (*line)(void *context, const char *text),
                       struct error *error);

/* Once the options are parsed: files that cannot be opened again are read (native/inputs.h). A
 * snapshot of a module that came so holds the module: nobody would find it. */
bool inputs_take(struct options *options, enum command command, struct error *error);
#endif

#endif
