#include "cli/native/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host.h"

#define HEAD_SIZE 5u
/* So much of what has come waits at most: any one message, whole. */
#define RECEIVED_MAX (HEAD_SIZE + MESSAGE_MAX)

/* What has been sent makes room, now and then: a queue that is never empty does not grow. */
static void forget_sent(struct link *link)
{
    struct buffer *sending = &link->sending;
    if (link->sent < sending->size && link->sent < PART_MAX)
        return;
    sending->size -= link->sent;
    if (sending->size)
        memmove(sending->data, sending->data + link->sent, sending->size);
    link->sent = 0;
}

void link_put(struct link *link, enum message_type type, const void *data, size_t size)
{
    link->cut |= size > MESSAGE_MAX; /* nobody would take it */
    if (link->cut)
        return;
    forget_sent(link);
    buffer_put_u8(&link->sending, (uint8_t)type);
    buffer_put_u32(&link->sending, (uint32_t)size);
    buffer_put(&link->sending, data, size);
    if (link->sending.failed)
        link->cut = true;
}

void link_put_text(struct link *link, enum message_type type, const struct buffer *text)
{
    link_put(link, type, text->data, text->size);
}

size_t link_queued(const struct link *link)
{
    return link->sending.size - link->sent;
}

static void send_some(struct link *link)
{
    ssize_t size = write(link->out, link->sending.data + link->sent,
                         link_queued(link) < PART_MAX ? link_queued(link) : PART_MAX);
    if (size > 0) {
        link->sent += (size_t)size;
        link->said = host_monotonic();
    } else if (size < 0 && errno != EAGAIN && errno != EINTR) {
        link->cut = true;
    }
}

/* How much of what has come waits. */
static size_t waiting(const struct link *link)
{
    return link->received.size - link->taken;
}

static void receive_some(struct link *link)
{
    if (link->taken) {
        link->received.size = waiting(link);
        memmove(link->received.data, link->received.data + link->taken, link->received.size);
        link->taken = 0;
    }
    uint8_t *at = buffer_extend(&link->received, PART_MAX);
    ssize_t size = at ? read(link->in, at, PART_MAX) : -1;
    bool later = size < 0 && at && (errno == EAGAIN || errno == EINTR);
    link->received.size -= at ? PART_MAX - (size_t)(size > 0 ? size : 0) : 0;
    if (size > 0)
        link->heard = host_monotonic();
    else if (!later)
        link->cut = true;
}

bool link_pump(struct link *link, int milliseconds, bool reading)
{
    bool room = waiting(link) < RECEIVED_MAX;
    struct pollfd waits[2] = {{.fd = reading && room ? link->in : -1, .events = POLLIN},
                              {.fd = link_queued(link) ? link->out : -1, .events = POLLOUT}};
    uint64_t now = host_monotonic();
    if (link->cut)
        return false;
    if (now - link->said > link->timeout / 4 && link_queued(link) == 0) {
        link_put(link, MESSAGE_PING, NULL, 0);
        link->said = now;
        waits[1].fd = link->out;
    }
    if (poll(waits, 2, milliseconds) > 0) {
        if (waits[1].revents)
            send_some(link);
        if (waits[0].revents)
            receive_some(link);
    }
    if (!reading)
        link->heard = host_monotonic();
    else if (host_monotonic() - link->heard > link->timeout)
        link->cut = true;
    return !link->cut;
}

/* What the other machine's shell prints before is left out. */
static bool greet(struct link *link)
{
    const size_t length = strlen(GREETING);
    const uint8_t *data = link->received.data;
    const uint8_t *found = waiting(link) ? memmem(data, waiting(link), GREETING, length) : NULL;
    if (found) {
        link->taken = (size_t)(found - data) + length;
        link->greeted = true;
    } else if (waiting(link) >= MESSAGE_MAX) {
        link->cut = true;
    }
    return link->greeted;
}

/* The next message, pings included. */
static bool take(struct link *link, struct message *message)
{
    size_t size = waiting(link);
    const uint8_t *at = size ? link->received.data + link->taken : NULL;
    uint32_t payload = size >= HEAD_SIZE ? get_le32(at + 1) : 0;
    if (payload > MESSAGE_MAX) /* what speaks there is no yado */
        link->cut = true;
    if (payload > MESSAGE_MAX || size < HEAD_SIZE || size - HEAD_SIZE < payload)
        return false;
    link->payload.size = 0;
    buffer_put(&link->payload, at + HEAD_SIZE, payload);
    buffer_put_u8(&link->payload, 0);
    link->taken += HEAD_SIZE + payload;
    link->cut |= link->payload.failed;
    *message = (struct message){(enum message_type)at[0], link->payload.data, payload};
    return !link->payload.failed;
}

void link_distrust(struct link *link)
{
    link->cut = true;
    link->taken = link->received.size;
}

bool link_next(struct link *link, struct message *message)
{
    if (!link->greeted && !greet(link))
        return false;
    while (take(link, message))
        if (message->type != MESSAGE_PING)
            return true;
    return false;
}

static bool put_parts(struct link *link, int file, uint64_t total,
                      void (*progress)(void *context, uint64_t done, uint64_t total), void *context)
{
    static uint8_t bytes[PART_MAX];
    ssize_t size;
    uint64_t done = 0;
    while ((size = read(file, bytes, sizeof bytes)) > 0 && !link->cut) {
        link_put(link, MESSAGE_PART, bytes, (size_t)size);
        while (link_queued(link) > PART_MAX && link_pump(link, 100, true))
            ;
        done += (uint64_t)size;
        if (progress)
            progress(context, done, total);
    }
    return size == 0 && !link->cut;
}

bool link_put_file(struct link *link, const char *path,
                   void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                   struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (file < 0 || fstat(file, &stat) != 0) {
        if (file >= 0)
            close(file);
        return error_set(error, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    bool good = put_parts(link, file, (uint64_t)stat.st_size, progress, context);
    close(file);
    return good || error_set(error, ERROR_IO, "%s could not be sent", path);
}

void link_close(struct link *link)
{
    close(link->in);
    if (link->out != link->in)
        close(link->out);
    buffer_free(&link->received);
    buffer_free(&link->sending);
    buffer_free(&link->payload);
}
