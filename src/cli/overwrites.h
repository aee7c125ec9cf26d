/* overwrites.h - a command does not destroy what it is made of. */
#ifndef CLI_OVERWRITES_H
#define CLI_OVERWRITES_H

#include <sys/stat.h>

#include "cli/options.h"

/* Whether two paths lead to one file: by another way, a link or a hard link. Not, when one of them
 * leads to none, or to what is no plain file. Some hosts number all files 0. */
static inline bool same_file(const char *one, const char *other)
{
    struct stat a, b;
    return one && other && stat(one, &a) == 0 && stat(other, &b) == 0 && S_ISREG(a.st_mode) &&
           a.st_ino != 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* That no file which the options have written or removed is one that they have read, or another of
 * these. ERROR_USAGE names both. In a host only what destroys a guest without `yado`'s help. */
#ifdef __wasm__
static inline bool overwrites_nothing(enum command command, const struct options *options,
                                      struct error *error)
{
    (void)command;
#    ifdef YADO_SEALER
    if (options->npositional && same_file(options->output, options->positional[0]))
        return error_set(error, ERROR_USAGE, "--output is the file that is read");
#    endif
    return !same_file(options->snapshots.snapshot, options->snapshots.base) ||
           error_set(error, ERROR_USAGE, "--snapshot is the file that --base names");
}
#else
bool overwrites_nothing(enum command command, const struct options *options, struct error *error);
#endif

#endif
