/* native/ - what only the native command does: hosts as child processes, and the registry of guests
 * that run on this machine.
 *
 * process.h - child processes. */
#ifndef CLI_NATIVE_PROCESS_H
#define CLI_NATIVE_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

/* A command line that grows; the strings are owned. Ends with NULL at all times. A word is as long
 * as it takes; one that there was no memory for sets `failed`, and nothing is started then. */
struct arguments {
    char **list;
    size_t count;
    bool failed;
};

void arguments_add(struct arguments *arguments, const char *format, ...) ERROR_PRINTF(2, 3);
void arguments_free(struct arguments *arguments);
/* "a b c" for messages, cut to fit. */
char *arguments_text(const struct arguments *arguments, char *text, size_t size);

/* Children that are tied to this process: they get `streams` as standard input, output and errors
 * (-1: this process's own), and when this process ends in any way, SIGKILL included, they are
 * killed. process_fork returns as fork does, the child's number being 0 there. */
bool process_start(const struct arguments *arguments, const int streams[3], pid_t *child,
                   struct error *error);
bool process_fork(const int streams[3], pid_t *child, struct error *error);

/* Starts the program, waits for it and reads its output and errors, which are appended to `output`.
 * Its input is the descriptor `input` (-1: without input). `status` is as waitpid gives it. One that
 * has not ended after so many seconds (0: it may take as long as it takes), or prints more than
 * CAPTURED_MAX, is killed: ERROR_IO. */
#define CAPTURED_MAX (16u << 20)
bool process_capture(const struct arguments *arguments, int input, unsigned seconds,
                     struct buffer *output, int *status, struct error *error);

#endif
