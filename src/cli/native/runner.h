/* runner.h - the process that a guest runs in: a host, or a child of this one where it runs
 * natively. */
#ifndef CLI_NATIVE_RUNNER_H
#define CLI_NATIVE_RUNNER_H

#include <limits.h>
#include <stdio.h>

#include "cli/native/courier.h"
#include "cli/native/hosts.h"

/* Not to be moved once it is started. */
struct runner {
    pid_t pid; /* 0: none */
    bool ended;
    int status;              /* as waitpid gives it, when it has ended */
    const struct host *host; /* NULL: native */
    struct arguments arguments;
    struct options options; /* what it was started with */
    const char *standby[2]; /* and what these point to, for `restore --standby` */
    char directory[REGISTRY_PATH_MAX], module[PATH_MAX];
    struct courier courier; /* of a host's snapshots */
};

/* Starts `run` or `restore` with these options and streams (process_start's), registered as
 * `entry`. `host` NULL: natively. */
bool runner_start(struct runner *runner, const struct host *host, const struct registered *entry,
                  enum command command, const struct options *options, const int streams[3],
                  struct error *error);

/* Signs and encrypts what a host has written, for as long as it runs. */
void runner_look(struct runner *runner);
/* Whether it has ended, without waiting. */
bool runner_has_ended(struct runner *runner);
/* Waits up to so many milliseconds for its end, then kills it. */
void runner_end(struct runner *runner, unsigned milliseconds);
void runner_free(struct runner *runner);

/* The guest's exit code, of a runner that has ended: 128 and the signal's number of one that a
 * signal ended. Where nothing tells it, 125, and a line in `errors` that says why. */
int runner_exit_code(struct runner *runner, const struct registered *entry, FILE *errors);
/* The signal that ended a native guest, or 0. */
int runner_signal(const struct runner *runner);

/* Always false: ERROR_IO that says how it ended. */
bool runner_says(const struct runner *runner, struct error *error);

#endif
