/* connection.h - to another machine that a guest is on or goes to: this side of the link (link.h), and
 * what is waited for on it. abroad.c says what is asked there; receive.c is the other side.
 *
 *     abroad.c ──▶ connection.c ─┬─▶ dialogue.c ──▶ link.c    what is asked, and what may come back
 *                                └─▶ ssh.c                    the process that it goes through */
#ifndef CLI_NATIVE_CONNECTION_H
#define CLI_NATIVE_CONNECTION_H

#include "cli/native/dialogue.h"
#include "cli/native/place.h"
#include "cli/native/ssh.h"

#define ANSWER_SECONDS  60
#define PREPARE_SECONDS 600 /* there, Yadokari may have to be compiled for the host */

struct connection {
    struct dialogue dialogue;
    struct ssh ssh;
    char token[40];
    char *host;
    bool detach;
    bool leaving, input_ended;
};

/* Starts ssh and `yado receive` there, and waits until that speaks. The place has a connection to
 * close also when this fails, unless it is NULL. */
bool connection_open(struct place *place, const char *target, const char *host, const char *wish,
                     struct error *error);
void connection_close(struct place *place);

/* The answer to what was asked last, within so many seconds. `revocable`: the user and the guest
 * here may still change their minds. */
bool connection_await(struct place *place, struct message *message, unsigned seconds,
                      bool revocable, struct error *error);
/* One that must be OK; a refusal is the error. */
bool connection_await_ok(struct place *place, struct message *message, unsigned seconds,
                         struct error *error);

/* Sends and takes what goes without waiting, and gives the guest's output to who reads it. */
void connection_service(struct place *place);
/* Gives all of the output to who reads it, who may have stopped for a while: meanwhile the
 * connection stays alive, and signals and the client are looked at. False when it is not wanted any
 * more. */
bool connection_flush(struct place *place);

/* Always false: ERROR_IO that says why the connection is cut. */
bool connection_cut(struct place *place, struct error *error);

#endif
