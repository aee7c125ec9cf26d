/* link.h - the connection between two machines: messages over a pair of descriptors.
 *
 *     ┌──────┬──────────────┬───────────── ─ ─┐
 *     │ type │ size u32 LE  │ payload         │
 *     └──────┴──────────────┴───────────── ─ ─┘
 *     0      1              5
 *
 *     to the machine where the guest goes      back
 *     ────────────────────────────────────     ──────────────────────────────────────────────
 *                                              GREETING  before all messages: what speaks here
 *     HELLO   lines: what guest, which host    OK, or WANT: send the module
 *     PART    of the module
 *     MODULE  its parts are all there          OK
 *     PART    of a snapshot
 *     FILE    its parts are all there: a name  OK        lines: when
 *     GO      run                              RUNNING   lines: when it began to
 *     DONE    known: forget how it came
 *     INPUT, INPUT_END   for the guest         TAKEN     so many bytes of INPUT, u32
 *     SIGNAL  its number, a byte               OUTPUT, ERRORS   of the guest
 *                                              EXIT      its exit code, u32; the last message
 *     SNAPSHOT  lines: which                   OK        lines; then PART ..., FILE: its name
 *     RESUME  it stays after all               OK
 *     LEAVE   it runs elsewhere                INPUT ... that it has not read, OK
 *
 *     Any but DONE and those of streams can be answered by REFUSED, a text: why not.
 *
 * Which of them may come when, and how long each may be, is a table on either side: receive.c for
 * those that go there, dialogue.c for the answers. What is not in the table cuts the connection.
 *
 * PING goes both ways whenever nothing else has for a while. A connection that is silent for
 * longer than its timeout counts as cut, and never comes back. */
#ifndef CLI_NATIVE_LINK_H
#define CLI_NATIVE_LINK_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

#define GREETING    "\nyado receive 1\n"
#define PART_MAX    (1u << 18)
#define MESSAGE_MAX (1u << 20) /* of a payload */

/* Bounds of single kinds of messages, in bytes, and of what may be on its way. */
#define HELLO_MAX     (1u << 18)
#define TEXT_MAX      (1u << 12) /* answers, and why there is none */
#define SNAPSHOT_MAX  (1u << 16) /* what is asked of a snapshot: directories' names */
#define INPUT_WINDOW  65536u     /* bytes of INPUT that are on their way at most */
#define INPUT_MAX     (4 * INPUT_WINDOW)
#define OUTPUT_WINDOW 262144u /* bytes of OUTPUT or ERRORS that wait for a reader */

enum message_type {
    MESSAGE_HELLO = 'H',
    MESSAGE_PART = 'p',
    MESSAGE_MODULE = 'M',
    MESSAGE_FILE = 'F',
    MESSAGE_GO = 'G',
    MESSAGE_DONE = 'D',
    MESSAGE_INPUT = 'i',
    MESSAGE_INPUT_END = 'z',
    MESSAGE_SIGNAL = 'k',
    MESSAGE_SNAPSHOT = 'S',
    MESSAGE_RESUME = 'R',
    MESSAGE_LEAVE = 'L',
    MESSAGE_OK = 'K',
    MESSAGE_WANT = 'W',
    MESSAGE_REFUSED = 'E',
    MESSAGE_RUNNING = 'U',
    MESSAGE_OUTPUT = 'o',
    MESSAGE_ERRORS = 'e',
    MESSAGE_TAKEN = 't',
    MESSAGE_EXIT = 'X',
    MESSAGE_PING = '.'
};

struct message {
    enum message_type type;
    const uint8_t *data; /* until the next link_next; a NUL follows it */
    uint32_t size;
};

struct link {
    int in, out;
    uint64_t timeout; /* nanoseconds */
    uint64_t heard, said;
    bool cut;
    bool greeted; /* the greeting has come, or was not waited for */
    struct buffer received, payload, sending;
    size_t taken; /* of `received`, by link_next */
    size_t sent;  /* of `sending` */
};

/* Puts a message in the queue, which the caller looks at (link_queued) where others decide how much
 * there is to say. */
void link_put(struct link *link, enum message_type type, const void *data, size_t size);
void link_put_text(struct link *link, enum message_type type, const struct buffer *text);

/* Sends and receives what there is, waiting for at most so many milliseconds for either; says that
 * this side is alive and finds out whether the other is. False when the link is cut. `reading`
 * false: leaves what comes where it is. */
bool link_pump(struct link *link, int milliseconds, bool reading);

/* The next message that is there, pings left out. */
bool link_next(struct link *link, struct message *message);

/* Cuts it, and nothing that has come counts any more. */
void link_distrust(struct link *link);

/* How much is in the queue. */
size_t link_queued(const struct link *link);

/* Sends a file as PARTs, waiting where the link is slow; what says that they are all there is the
 * caller's. `progress` may be NULL. */
bool link_put_file(struct link *link, const char *path,
                   void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                   struct error *error);

void link_close(struct link *link);

#endif
