/* configuration.h - the hosts of a configuration file, as hosts.h describes it. */
#ifndef CLI_NATIVE_HOSTS_CONFIGURATION_H
#define CLI_NATIVE_HOSTS_CONFIGURATION_H

#include "cli/native/hosts.h"

/* Ends with a host without a name at all times but when it is empty. */
struct host_list {
    struct host *hosts;
    size_t count;
};

/* Adds the hosts of `text`, which the list's strings point into from now on and which is cut up.
 * `source` stays the caller's too. ERROR_USAGE names source and line. */
bool configuration_read(struct host_list *list, const char *source, char *text,
                        struct error *error);

/* The configuration files that are built in: made by CMake from hosts/NAME.conf. Ends with NULL. */
struct builtin_file {
    const char *name;
    const char *text;
};
extern const struct builtin_file builtin_files[];

#endif
