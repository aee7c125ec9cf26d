/* seal_file.h - what sealing a file needs besides src/seal: where the runtime of sealed modules is. */
#ifndef CLI_SEAL_FILE_H
#define CLI_SEAL_FILE_H

#include "base/buffer.h"
#include "base/error.h"
#include "seal/seal.h"

/* Sets the flags of a list as --features has it, "NAME,NAME", or NULL. */
bool take_features(const char *list, struct seal_options *options, struct error *error);

/* Reads yadokari-sealed.wasm: `given`, or natively where it comes with the command. */
bool runtime_read(const char *given, struct buffer *bytes, struct error *error);

/* Seals the module in `bytes`, whose file errors name, into the file `output`. `snapshot`: what it
 * begins with, or empty. */
bool seal_to_file(const char *path, struct span bytes, const struct seal_options *options,
                  struct span snapshot, const char *runtime, const char *output,
                  struct error *error);

#endif
