#include "cli/native/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "host/host.h"

#define LAST_WORDS_SECONDS 2
#define WISH_MILLISECONDS  2000

/* As much as the client takes without waiting; a guest does not wait for one that has stopped. */
void client_tell_more(struct supervisor *supervisor)
{
    struct buffer *told = &supervisor->told;
    while (supervisor->client >= 0 && told->size) {
        ssize_t size =
            send(supervisor->client, told->data, told->size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return;
        if (size < 0) /* nobody reads it */
            size = (ssize_t)told->size;
        told->size -= (size_t)size;
        memmove(told->data, told->data + size, told->size);
    }
}

/* Progress that is not read in time is old. */
bool client_tell(struct supervisor *supervisor, const char *word, const char *format, ...)
{
    char *text = NULL;
    va_list list;
    if (supervisor->client < 0)
        return false;
    if (supervisor->told.size && strcmp(word, "progress") == 0)
        return true;
    va_start(list, format);
    bool good = vasprintf(&text, format, list) >= 0;
    va_end(list);
    text_add(&supervisor->told, "%s %s\n", word, good ? text : "");
    if (good)
        free(text);
    client_tell_more(supervisor);
    return true;
}

/* What is left, for as long as a client that is there needs for it. */
void client_end(struct supervisor *supervisor)
{
    const uint64_t end = host_monotonic() + LAST_WORDS_SECONDS * 1000000000ull;
    while (supervisor->told.size && host_monotonic() < end) {
        struct pollfd client = {.fd = supervisor->client, .events = POLLOUT};
        poll(&client, 1, 20);
        supervisor->service(supervisor);
        client_tell_more(supervisor);
    }
    close(supervisor->client);
    supervisor->client = -1;
    buffer_free(&supervisor->told);
}

bool client_is_gone(const struct supervisor *supervisor)
{
    struct pollfd client = {.fd = supervisor->client};
    return supervisor->client >= 0 && poll(&client, 1, 0) > 0 && (client.revents & POLLHUP);
}

bool client_wish(int client, struct buffer *text)
{
    for (;;) {
        struct pollfd ready = {.fd = client, .events = POLLIN};
        uint8_t bytes[4096];
        ssize_t size =
            poll(&ready, 1, WISH_MILLISECONDS) > 0 ? read(client, bytes, sizeof bytes) : -1;
        if (size <= 0) {
            buffer_put_u8(text, 0);
            return size == 0 && !text->failed;
        }
        buffer_put(text, bytes, (size_t)size);
    }
}
