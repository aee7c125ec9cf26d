/* chain.h - a snapshot file with the bases that it is built on, as one. */
#ifndef CLI_CHAIN_H
#define CLI_CHAIN_H

#include "base/buffer.h"
#include "cli/options.h"

/* Reads a snapshot; one that has a base becomes one that has none. Bases are looked for among
 * `options->with_base`, then where the notes say. Errors name the file and the base that is missing
 * or another. */
bool chain_read(const char *path, const struct options *options, struct buffer *bytes,
                struct error *error);

/* The same; where there is no such file, the one before it that --every has kept. */
bool chain_read_newest(const char *path, const struct options *options, struct buffer *bytes,
                       struct error *error);

/* How many bytes chain_read takes at once: the files, and what they become, if they are several.
 * 0 when it fails. */
uint64_t chain_size(const char *path, const struct options *options);

#endif
