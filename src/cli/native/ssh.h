/* ssh.h - the user's ssh, to a yado on another machine. */
#ifndef CLI_NATIVE_SSH_H
#define CLI_NATIVE_SSH_H

#include "cli/native/place.h"

struct ssh {
    char target[256], port[8]; /* "[USER@]MACHINE" */
    char *program, *yado;
    pid_t pid;
    int errors; /* what it prints: a file */
};

/* Starts `yado receive` there; `streams` are what it writes and reads. `wish`: see supervisor.h.
 * ERROR_USAGE for a target that is none. */
bool ssh_start(struct ssh *ssh, const char *target, const char *wish, int streams[2],
               struct error *error);
void ssh_end(struct ssh *ssh);

/* The last line that it has printed. */
void ssh_errors(const struct ssh *ssh, char *text, size_t size);

/* Asks the other machine what became of a guest that was told to go (receive.c: --ask). If it has
 * not begun there, it never will. Tries for as long as the connection's timeout. */
enum gone ssh_ask(struct ssh *ssh, const char *token, uint64_t timeout, struct error *error);

#endif
