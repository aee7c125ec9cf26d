/* receiver.h - the machine that a guest goes to: what `yado receive` knows, and its stages.
 *
 *     receive.c    the table of stages and messages; streams; the end
 *     arriving.c   the guest comes      HELLO, PART, MODULE, FILE, GO, DONE
 *     leaving.c    it goes away again   SNAPSHOT, RESUME, LEAVE; or nobody is there any more
 *
 *       stage        what is so                           what leads to the next one
 *     ┌─────────────┬────────────────────────────────────┬─────────────────────────────────────┐
 *     │ GREETED     │ nothing is known                   │ HELLO: MODULE or SNAPSHOTS          │
 *     │ MODULE      │ its module is sent                 │ MODULE: SNAPSHOTS                   │
 *     │ SNAPSHOTS   │ a process waits for its snapshots  │ FILE: 0, 1, 2 ...; "last": READY    │
 *     │ READY       │ all is restored, nothing has run   │ GO: STARTED                         │
 *     │ STARTED     │ it runs, which is not known there  │ DONE: RUNS                          │
 *     │ RUNS        │ and now it is                      │ SNAPSHOT: "last": HELD              │
 *     │ HELD        │ it is stopped, and may leave       │ RESUME: RUNS; LEAVE: OVER           │
 *     │ OVER        │ there is nothing more to say       │                                     │
 *     └─────────────┴────────────────────────────────────┴─────────────────────────────────────┘
 *
 * What is refused before STARTED leads to OVER: the guest is abandoned here and goes on there. */
#ifndef CLI_NATIVE_RECEIVER_H
#define CLI_NATIVE_RECEIVER_H

#include "cli/native/link.h"
#include "cli/native/pieces.h"
#include "cli/native/place.h"

#define SNAPSHOTS_MAX 64u /* of one move; who takes them ends much earlier (move.c) */

enum stage {
    STAGE_GREETED,
    STAGE_MODULE,
    STAGE_SNAPSHOTS,
    STAGE_READY,
    STAGE_STARTED,
    STAGE_RUNS,
    STAGE_HELD,
    STAGE_OVER
};

struct receiver;

/* What a receiver does with this machine; tests have another one. */
struct receiver_world {
    const struct place_kind *kind;
    /* Makes the host ready, which may take minutes. */
    bool (*ready_host)(struct receiver *receiver);
    /* A detached guest is let go: it and this process have a life of their own. */
    void (*detach)(struct receiver *receiver);
};

struct receiver {
    struct supervisor supervisor; /* first: its service finds the receiver by it */
    const struct receiver_world *world;
    const struct list *roots; /* directories that a guest's must lie in, or none: anywhere */
    struct place *place;
    struct link link;
    enum stage stage;
    struct options options;
    struct buffer hello;   /* its lines */
    struct list arguments; /* those that became options; owned */
    char name[128], label[PATH_ROOM], token[40], host[64];
    char module[PATH_ROOM];      /* its file, "" when it travels in the snapshot */
    char snapshot[PATH_ROOM];    /* of --every */
    char output_path[PATH_ROOM]; /* what a detached guest writes; "" when it is not detached */
    struct parts parts;
    unsigned snapshots; /* how many have come, or have been given since the last begin */
    int output[2];      /* what the guest writes, -1 when it has ended that */
    int kept[2];        /* where that goes when nobody listens, or -1 */
    int life;           /* of this process, for who asks (verdict.h); or -1 */
    bool detach;
    bool registered;
    bool prepared; /* there is a process for it */
    bool told;     /* it was told to go; perhaps it could not */
    bool started;  /* it was told to go, and went */
    bool alone;    /* detached, and known to be here: it may be moved from here */
    bool finished; /* nothing is left to do */
    struct error error;
};

/* ---- receive.c */

/* A conversation from its first message to its last, over two descriptors that do not block. Then
 * the receiver is to be freed, or looked after when it is alone. `roots`: see above. */
void receiver_run(struct receiver *receiver, const struct receiver_world *world,
                  const struct list *roots, int in, int out);
/* Ends what is left of the guest here, and frees all. */
void receiver_free(struct receiver *receiver);

/* All that is in the queue goes on its way, unless the connection is cut first. */
void receiver_flush(struct receiver *receiver);
/* The guest is not here any more. Where it came from that may not be known, or not even that it ran:
 * then who asks is told what became of it (verdict.h). */
void receiver_settle(struct receiver *receiver, const char *format, ...) ERROR_PRINTF(2, 3);
/* Takes what the guest has written; true when there was something. */
bool receiver_take_output(struct receiver *receiver);
/* OK or RUNNING, with how long ago something was. */
void receiver_answer_age(struct receiver *receiver, enum message_type type, uint64_t when);

/* ---- handlers of messages: false with receiver->error, which is the answer then */

bool arriving_hello(struct receiver *receiver, const struct message *message);
bool arriving_part(struct receiver *receiver, const struct message *message);
bool arriving_module(struct receiver *receiver, const struct message *message);
bool arriving_file(struct receiver *receiver, const struct message *message);
bool arriving_go(struct receiver *receiver, const struct message *message);
bool arriving_done(struct receiver *receiver, const struct message *message);
/* The directory that snapshots come to or are put, empty. */
bool arriving_make_directory(struct receiver *receiver);

bool leaving_snapshot(struct receiver *receiver, const struct message *message);
bool leaving_resume(struct receiver *receiver, const struct message *message);
bool leaving_leave(struct receiver *receiver, const struct message *message);
/* Nobody is there any more: the guest that runs or is held is stopped and kept. */
void leaving_lost(struct receiver *receiver);

#endif
