/* link.h - the connection between two machines: messages over a pair of descriptors.
 *
 *     ┌──────┬──────────────┬───────────── ─ ─┐
 *     │ type │ size u32 LE  │ payload         │
 *     └──────┴──────────────┴───────────── ─ ─┘
 *     0      1              5
 *
 *     to the machine where the guest goes      back
 *     HELLO   lines: what guest, which host    GREETING  before all messages: what speaks here
 *     PART    of the module or a snapshot      OK        lines, or nothing
 *     MODULE  its parts are all there          WANT      send the module
 *     FILE    so are this snapshot's: a name   REFUSED   a text: why not; the guest does not run
 *     GO      run                              RUNNING   lines: it does
 *     DONE    known: forget how it came        OUTPUT, ERRORS   of the guest
 *     INPUT, INPUT_END   for the guest         TAKEN     so many bytes of INPUT, u32
 *     SIGNAL  a byte                           EXIT      the guest's exit code, u32; the last
 * message SNAPSHOT, RESUME, LEAVE: the guest comes back; answered by OK (and before it PART, FILE;
 *     of LEAVE by INPUT that the guest has not read)
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
    size_t sent; /* of `sending` */
};

/* Puts a message in the queue. */
void link_put(struct link *link, enum message_type type, const void *data, size_t size);
void link_put_text(struct link *link, enum message_type type, const struct buffer *text);

/* Sends and receives what there is, waiting for at most so many milliseconds for either; says that
 * this side is alive and finds out whether the other is. False when the link is cut. `reading`
 * false: leaves what comes where it is. */
bool link_pump(struct link *link, int milliseconds, bool reading);

/* The next message that is there, pings left out. */
bool link_next(struct link *link, struct message *message);

/* How much is in the queue. */
size_t link_queued(const struct link *link);

/* Sends a file as PARTs and `last` with `name`, waiting where the link is slow. `progress` may be
 * NULL. */
bool link_put_file(struct link *link, const char *path, enum message_type last, const char *name,
                   void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                   struct error *error);

void link_close(struct link *link);

#endif
