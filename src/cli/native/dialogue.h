/* dialogue.h - the machine that a guest comes from: what it has asked the other one, and what may
 * come back. The other one may be hostile: what nobody asked for, what is longer than it may be and
 * what cannot be true cuts the connection, and however much it sends, what waits here is bounded.
 *
 *     asked       what comes back                                    what is bounded by what
 *     ──────────────────────────────────────────────────────────────────────────────────────────
 *     HELLO       OK, WANT
 *     MODULE      OK
 *     FILE        OK
 *     GO          RUNNING
 *     SNAPSHOT    OK, then PART ... and FILE                         the size that OK tells
 *     RESUME      OK
 *     LEAVE       INPUT ..., then OK                                 RETURNED_MAX
 *     any         REFUSED, and that is all
 *     since HELLO OUTPUT, ERRORS, at any time                        OUTPUT_WINDOW, OUTPUT_HELD
 *     since GO    TAKEN: input is not on its way any more            what is on its way
 *                 EXIT: the last message
 *
 * Answers come in the order of what was asked. One that is waited for no longer is still to come,
 * and is thrown away then. */
#ifndef CLI_NATIVE_DIALOGUE_H
#define CLI_NATIVE_DIALOGUE_H

#include "cli/native/link.h"
#include "cli/native/pieces.h"

#define ASKED_MAX    8u         /* that have no answer yet */
#define OUTPUT_HELD  (8u << 20) /* of either stream, while an answer has to come behind it */
#define RETURNED_MAX (2 * INPUT_MAX)

struct dialogue {
    struct link link;
    struct {
        enum message_type type;
        bool forgotten; /* nobody waits for its answer */
    } asked[ASKED_MAX]; /* the oldest first */
    unsigned nasked;
    bool has_answer; /* `answer` has come, and nobody has taken it */
    struct message answer;
    bool greeted; /* HELLO has been said */
    bool runs;    /* the guest has begun there */
    bool ended;   /* and has ended, or left */
    int exit_code;
    uint32_t on_way;          /* bytes of INPUT */
    struct buffer output[2];  /* of the guest, for a reader */
    struct buffer returned;   /* of the input: what the guest has not read there */
    struct parts parts;       /* a snapshot that comes; its file -1: none */
    struct error parts_error; /* why it will not be whole */
    struct error error;       /* what made no sense, when that has cut the connection */
};

/* Sends what has an answer. */
void dialogue_ask(struct dialogue *dialogue, enum message_type type, const void *data, size_t size);
/* A file as PARTs and then `type` with `name`, which is what has the answer. */
bool dialogue_send_file(struct dialogue *dialogue, const char *path, enum message_type type,
                        const char *name,
                        void (*progress)(void *context, uint64_t done, uint64_t total),
                        void *context, struct error *error);
/* The answer to the last of them is not waited for any more. */
void dialogue_forget(struct dialogue *dialogue);

/* Whether more may come: not when too much of the guest's output waits for a reader. */
bool dialogue_reads(const struct dialogue *dialogue);

/* Takes what has come up to an answer, which waits in `answer` until somebody takes it. */
void dialogue_take(struct dialogue *dialogue);
/* Takes the answer; its data stay until dialogue_take. */
bool dialogue_answer(struct dialogue *dialogue, struct message *message);

/* As much of `input` as may be on its way now; what has gone is taken out of it. */
void dialogue_send_input(struct dialogue *dialogue, struct buffer *input);

/* Frees all, and closes the link. */
void dialogue_close(struct dialogue *dialogue);

#endif
