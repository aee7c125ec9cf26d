#include "cli/native/asking.h"

#include <stdio.h>

/* What may follow what was asked; `next` is what is asked for then, a snapshot's parts standing for
 * PART, or NOTHING. */
enum { NOTHING = 0 };

static const struct reply {
    enum message_type asked, type;
    uint32_t least, most;
    int next;
} replies[] = {
    /* clang-format off */
    {MESSAGE_HELLO,    MESSAGE_OK,      0, TEXT_MAX,  NOTHING},
    {MESSAGE_HELLO,    MESSAGE_WANT,    0, 0,         NOTHING},
    {MESSAGE_MODULE,   MESSAGE_OK,      0, TEXT_MAX,  NOTHING},
    {MESSAGE_FILE,     MESSAGE_OK,      0, TEXT_MAX,  NOTHING},
    {MESSAGE_GO,       MESSAGE_RUNNING, 0, TEXT_MAX,  NOTHING},
    {MESSAGE_SNAPSHOT, MESSAGE_OK,      0, TEXT_MAX,  MESSAGE_PART},
    {MESSAGE_PART,     MESSAGE_PART,    1, PART_MAX,  MESSAGE_PART},
    {MESSAGE_PART,     MESSAGE_FILE,    1, 5,         NOTHING},
    {MESSAGE_RESUME,   MESSAGE_OK,      0, TEXT_MAX,  NOTHING},
    {MESSAGE_LEAVE,    MESSAGE_INPUT,   1, INPUT_MAX, MESSAGE_LEAVE},
    {MESSAGE_LEAVE,    MESSAGE_OK,      0, TEXT_MAX,  NOTHING},
    /* clang-format on */
};

static const struct reply refused = {.type = MESSAGE_REFUSED, .most = TEXT_MAX, .next = NOTHING};

/* ---- what is asked */

void asking_ask(struct asking *asking, enum message_type type, const void *data, size_t size)
{
    if (asking->nasked == ASKED_MAX) {
        asking->link.cut = true; /* it has not answered for too long */
        return;
    }
    asking->asked[asking->nasked].type = type;
    asking->asked[asking->nasked++].forgotten = false;
    asking->greeted |= type == MESSAGE_HELLO;
    link_put(&asking->link, type, data, size);
}

bool asking_send_file(struct asking *asking, const char *path, enum message_type type,
                      const char *name,
                      void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                      struct error *error)
{
    if (!link_put_file(&asking->link, path, progress, context, error))
        return false;
    asking_ask(asking, type, name, strlen(name));
    return true;
}

void asking_forget(struct asking *asking)
{
    if (asking->nasked)
        asking->asked[asking->nasked - 1].forgotten = true;
    asking->has_answer &= asking->nasked == 0;
}

void asking_send_input(struct asking *asking, struct buffer *input)
{
    size_t room = asking->on_way < INPUT_WINDOW ? INPUT_WINDOW - asking->on_way : 0;
    size_t size = input->size < room ? input->size : room;
    if (size == 0)
        return;
    asking->on_way += (uint32_t)size;
    link_put(&asking->link, MESSAGE_INPUT, input->data, size);
    input->size -= size;
    memmove(input->data, input->data + size, input->size);
}

/* ---- what comes */

bool asking_reads(const struct asking *asking)
{
    size_t most = asking->nasked ? OUTPUT_HELD : OUTPUT_WINDOW;
    return asking->output[0].size < most && asking->output[1].size < most;
}

static void distrust(struct asking *asking, const struct message *message)
{
    error_set(&asking->error, ERROR_IO, "it says what makes no sense (message %02x of %u bytes)",
              (unsigned)message->type, message->size);
    link_distrust(&asking->link);
}

/* Parts of a stream. False for what is none, or none now. */
static bool take_stream(struct asking *asking, const struct message *message)
{
    uint32_t number = message->size == 4 ? get_le32(message->data) : UINT32_MAX;
    struct buffer *output = &asking->output[message->type == MESSAGE_ERRORS];
    if (!asking->greeted)
        return false;
    switch ((int)message->type) {
    case MESSAGE_OUTPUT:
    case MESSAGE_ERRORS:
        buffer_put(output, message->data, message->size);
        asking->link.cut |= output->failed;
        return true;
    case MESSAGE_TAKEN:
        if (number > asking->on_way)
            return false;
        asking->on_way -= number;
        return true;
    case MESSAGE_EXIT:
        if (!asking->runs || number > 255)
            return false;
        asking->exit_code = (int)number;
        asking->ended = true;
        return true;
    default: return false;
    }
}

static const struct reply *reply_for(const struct asking *asking, const struct message *message)
{
    if (asking->nasked == 0)
        return NULL;
    if (message->type == MESSAGE_REFUSED && message->size <= TEXT_MAX)
        return &refused;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        if (replies[i].asked == asking->asked[0].type && replies[i].type == message->type &&
            message->size >= replies[i].least && message->size <= replies[i].most)
            return &replies[i];
    return NULL;
}

/* What does not fit is thrown away: then the snapshot is not whole, and the guest stays there. */
static void take_part(struct asking *asking, const struct message *message)
{
    if (asking->parts.file >= 0 &&
        !parts_add(&asking->parts, message->data, message->size, &asking->parts_error))
        parts_drop(&asking->parts);
}

static bool take_returned(struct asking *asking, const struct message *message)
{
    if (asking->returned.size + message->size > RETURNED_MAX)
        return false;
    buffer_put(&asking->returned, message->data, message->size);
    return true;
}

/* False when it is no answer to what was asked first. */
static bool take_answer(struct asking *asking, const struct message *message)
{
    const struct reply *reply = reply_for(asking, message);
    bool forgotten = asking->asked[0].forgotten;
    if (!reply)
        return false;
    if (message->type == MESSAGE_PART)
        take_part(asking, message);
    else if (message->type == MESSAGE_INPUT)
        return take_returned(asking, message);
    else
        asking->has_answer = !forgotten;
    asking->runs |= message->type == MESSAGE_RUNNING;
    if (reply->next != NOTHING)
        asking->asked[0].type = (enum message_type)reply->next;
    else
        memmove(asking->asked, asking->asked + 1, --asking->nasked * sizeof *asking->asked);
    return true;
}

void asking_take(struct asking *asking)
{
    while (!asking->has_answer && !asking->ended && asking_reads(asking) &&
           link_next(&asking->link, &asking->answer))
        if (!take_stream(asking, &asking->answer) && !take_answer(asking, &asking->answer)) {
            distrust(asking, &asking->answer);
            return;
        }
}

bool asking_answer(struct asking *asking, struct message *message)
{
    bool has = asking->has_answer;
    if (has)
        *message = asking->answer;
    asking->has_answer = false;
    return has;
}

void asking_close(struct asking *asking)
{
    if (asking->link.in >= 0)
        link_close(&asking->link);
    for (int i = 0; i < 2; i++)
        buffer_free(&asking->output[i]);
    buffer_free(&asking->returned);
    parts_drop(&asking->parts);
}
