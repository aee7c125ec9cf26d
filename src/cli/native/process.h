/* native/ - what only the native command does: hosts as child processes, and the registry of guests
 * that run on this machine.
 *
 * process.h - child processes. */
#ifndef CLI_NATIVE_PROCESS_H
#define CLI_NATIVE_PROCESS_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* A command line that grows; the strings are owned. Ends with NULL at all times. */
struct arguments {
    char **list;
    size_t count;
};

void arguments_add(struct arguments *arguments, const char *format, ...) ERROR_PRINTF(2, 3);
void arguments_free(struct arguments *arguments);
/* "a b c" for messages, cut to fit. */
char *arguments_text(const struct arguments *arguments, char *text, size_t size);

/* Something to be looked at every few milliseconds. */
struct watch {
    void (*look)(void *context);
    void *context;
};

/* Starts the program with this process's standard streams and waits for it, passing SIGINT, SIGTERM
 * and SIGHUP on. When this process ends in any other way, SIGKILL included, the program is killed.
 * `status` is as waitpid gives it. `watch` (may be NULL) is looked at while it runs. */
bool process_run(const struct arguments *arguments, const struct watch *watch, int *status,
                 struct error *error);

/* The same with the descriptor `input` (-1: without input), its output and errors appended to
 * `output`. */
bool process_capture(const struct arguments *arguments, int input, struct buffer *output,
                     int *status, struct error *error);

#endif
