#include "cli/native/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "cli/native/client.h"
#include "cli/native/lines.h"
#include "host/files.h"
#include "host/host.h"

#define CONNECT_SECONDS 60

bool connection_cut(struct place *place, struct error *error)
{
    const struct connection *connection = place->connection;
    char text[256];
    if (connection->dialogue.error.kind != ERROR_NONE)
        return error_set(error, ERROR_IO, "%.100s: %s", connection->ssh.target,
                         connection->dialogue.error.message);
    ssh_errors(&connection->ssh, text, sizeof text);
    return error_set(error, ERROR_IO, "the connection to %.100s is cut%s%s", connection->ssh.target,
                     *text ? ": " : "", text);
}

static void write_output(struct buffer *waiting, int descriptor)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    while (waiting->size && poll(&ready, 1, 0) > 0) {
        /* as much as a pipe that has room takes without waiting */
        ssize_t size =
            write(descriptor, waiting->data, waiting->size < 4096 ? waiting->size : 4096);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) /* nobody reads it */
            size = (ssize_t)waiting->size;
        waiting->size -= (size_t)size;
        memmove(waiting->data, waiting->data + size, waiting->size);
    }
}

static void write_outputs(struct dialogue *dialogue)
{
    for (int i = 0; i < 2; i++)
        write_output(&dialogue->output[i], i + 1);
}

bool connection_flush(struct place *place)
{
    struct dialogue *dialogue = &place->connection->dialogue;
    struct supervisor *supervisor = place->supervisor;
    for (int i = 0; i < 2; i++)
        while (dialogue->output[i].size) {
            struct pollfd ready = {.fd = i + 1, .events = POLLOUT};
            poll(&ready, 1, 50);
            write_output(&dialogue->output[i], i + 1);
            supervisor->service(supervisor);
            if (client_is_gone(supervisor) || supervisor->interrupted)
                return false;
        }
    return true;
}

void connection_service(struct place *place)
{
    struct dialogue *dialogue = &place->connection->dialogue;
    link_pump(&dialogue->link, 0, dialogue_reads(dialogue));
    dialogue_take(dialogue);
    write_outputs(dialogue);
}

/* Why an answer is no longer waited for. */
static bool gives_up(struct place *place, uint64_t end, bool revocable, struct error *error)
{
    struct supervisor *supervisor = place->supervisor;
    if (place->connection->dialogue.link.cut)
        return !connection_cut(place, error);
    if (place->connection->dialogue.ended)
        return !error_set(error, ERROR_IO, "the guest has ended there");
    if (revocable && client_is_gone(supervisor))
        return !error_set(error, ERROR_IO, "`yado migrate` was ended");
    if (revocable && supervisor->place != place &&
        supervisor->place->kind->has_ended(supervisor->place))
        return !error_set(error, ERROR_IO, "the guest has ended");
    return host_monotonic() > end &&
           !error_set(error, ERROR_IO, "no answer from %s in time", place->connection->ssh.target);
}

bool connection_await(struct place *place, struct message *message, unsigned seconds,
                      bool revocable, struct error *error)
{
    struct dialogue *dialogue = &place->connection->dialogue;
    const uint64_t end = host_monotonic() + seconds * 1000000000ull;
    for (;;) {
        dialogue_take(dialogue);
        if (dialogue_answer(dialogue, message))
            return true;
        if (gives_up(place, end, revocable, error)) {
            dialogue_forget(dialogue);
            return false;
        }
        link_pump(&dialogue->link, 5, dialogue_reads(dialogue));
        place->supervisor->service(place->supervisor);
    }
}

bool connection_await_ok(struct place *place, struct message *message, unsigned seconds,
                         struct error *error)
{
    if (!connection_await(place, message, seconds, true, error))
        return false;
    return message->type == MESSAGE_OK ||
           error_set(error, ERROR_IO, "%s: %s", place->connection->ssh.target,
                     message->type == MESSAGE_REFUSED ? (const char *)message->data
                                                      : "an answer that makes no sense");
}

static void make_token(char token[40])
{
    uint8_t bytes[16] = {0};
    (void)host_random(bytes, sizeof bytes);
    hex_text(bytes, sizeof bytes, token);
}

static bool await_greeting(struct place *place, struct error *error)
{
    struct dialogue *dialogue = &place->connection->dialogue;
    struct link *link = &dialogue->link;
    const uint64_t end = host_monotonic() + CONNECT_SECONDS * 1000000000ull;
    link->timeout = CONNECT_SECONDS * 1000000000ull;
    for (;;) {
        dialogue_take(dialogue);
        if (link->greeted)
            return true;
        if (gives_up(place, end, true, error))
            return false;
        link_pump(link, 5, true);
        place->supervisor->service(place->supervisor);
    }
}

bool connection_open(struct place *place, const char *target, const char *host, const char *wish,
                     struct error *error)
{
    struct connection *connection = place->connection = calloc(1, sizeof *connection);
    int streams[2];
    if (!connection)
        return error_set(error, ERROR_MEMORY, "no memory for a connection");
    struct link *link = &connection->dialogue.link;
    connection->dialogue.parts.file = link->in = link->out = connection->ssh.errors = -1;
    connection->host = strdup(host);
    if (!connection->host)
        return error_set(error, ERROR_MEMORY, "no memory for a connection");
    make_token(connection->token);
    connection->detach = line_number(wish, "detach");
    if (!ssh_start(&connection->ssh, target, wish, streams, error))
        return false;
    link->in = streams[0];
    link->out = streams[1];
    link->said = link->heard = host_monotonic();
    if (!await_greeting(place, error))
        return false;
    link->timeout = line_number(wish, "link-timeout");
    return true;
}

void connection_close(struct place *place)
{
    struct connection *connection = place->connection;
    if (!connection)
        return;
    dialogue_close(&connection->dialogue);
    ssh_end(&connection->ssh);
    free(connection->host);
    free(connection);
    place->connection = NULL;
}
