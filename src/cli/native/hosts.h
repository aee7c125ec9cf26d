/* hosts.h - how each host is found and started. One row of the table in hosts.c each. */
#ifndef CLI_NATIVE_HOSTS_H
#define CLI_NATIVE_HOSTS_H

#include "cli/native/process.h"

struct host {
    const char *name;
    const char *program; /* looked for in $YADO_<PROGRAM>, the tools' folder and $PATH */
    const char *version; /* the argument that makes it print its version */
    const char
        *compile;    /* arguments of its ahead-of-time compiler: IN and OUT are replaced; or NULL */
    const char *run; /* arguments before the directories */
    const char *directory; /* how a directory is given, one argument a word: DIR is replaced */
    const char *separator; /* between module and its arguments, or NULL */
    const char *module;    /* which build of Yadokari runs fastest in it (docs/performance.md) */
    const char *notes;
};

/* All of them, `native` not included; ends with a NULL name. */
extern const struct host hosts[];

/* NULL with ERROR_USAGE, which lists the names, when there is none of that name. */
const struct host *host_named(const char *name, struct error *error);

/* Where the host's program is; ERROR_IO says where it was looked for. */
bool host_find(const struct host *host, char path[1024], struct error *error);

/* The first line that it prints of its version. */
bool host_version(const struct host *host, const char *path, char version[128],
                  struct error *error);

/* The command line that runs yadokari.wasm in the host, up to and without Yadokari's own arguments.
 * `directories` are absolute. May compile the module first; the result is kept in the user's cache
 * directory. */
bool host_command(const struct host *host, const char *const *directories, size_t ndirectories,
                  struct arguments *arguments, struct error *error);

#endif
