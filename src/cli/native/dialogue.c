#include "cli/native/dialogue.h"

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

void dialogue_ask(struct dialogue *dialogue, enum message_type type, const void *data, size_t size)
{
    if (dialogue->nasked == ASKED_MAX) {
        dialogue->link.cut = true; /* it has not answered for too long */
        return;
    }
    dialogue->asked[dialogue->nasked].type = type;
    dialogue->asked[dialogue->nasked++].forgotten = false;
    dialogue->greeted |= type == MESSAGE_HELLO;
    link_put(&dialogue->link, type, data, size);
}

bool dialogue_send_file(struct dialogue *dialogue, const char *path, enum message_type type,
                        const char *name,
                        void (*progress)(void *context, uint64_t done, uint64_t total),
                        void *context, struct error *error)
{
    if (!link_put_file(&dialogue->link, path, progress, context, error))
        return false;
    dialogue_ask(dialogue, type, name, strlen(name));
    return true;
}

void dialogue_forget(struct dialogue *dialogue)
{
    if (dialogue->nasked)
        dialogue->asked[dialogue->nasked - 1].forgotten = true;
    dialogue->has_answer &= dialogue->nasked == 0;
}

void dialogue_send_input(struct dialogue *dialogue, struct buffer *input)
{
    size_t room = dialogue->on_way < INPUT_WINDOW ? INPUT_WINDOW - dialogue->on_way : 0;
    size_t size = input->size < room ? input->size : room;
    if (size == 0)
        return;
    dialogue->on_way += (uint32_t)size;
    link_put(&dialogue->link, MESSAGE_INPUT, input->data, size);
    input->size -= size;
    memmove(input->data, input->data + size, input->size);
}

/* ---- what comes */

bool dialogue_reads(const struct dialogue *dialogue)
{
    size_t most = dialogue->nasked ? OUTPUT_HELD : OUTPUT_WINDOW;
    return dialogue->output[0].size < most && dialogue->output[1].size < most;
}

static void distrust(struct dialogue *dialogue, const struct message *message)
{
    error_set(&dialogue->error, ERROR_IO, "it says what makes no sense (message %02x of %u bytes)",
              (unsigned)message->type, message->size);
    link_distrust(&dialogue->link);
}

/* Parts of a stream. False for what is none, or none now. */
static bool take_stream(struct dialogue *dialogue, const struct message *message)
{
    uint32_t number = message->size == 4 ? get_le32(message->data) : UINT32_MAX;
    struct buffer *output = &dialogue->output[message->type == MESSAGE_ERRORS];
    if (!dialogue->greeted)
        return false;
    switch ((int)message->type) {
    case MESSAGE_OUTPUT:
    case MESSAGE_ERRORS:
        buffer_put(output, message->data, message->size);
        dialogue->link.cut |= output->failed;
        return true;
    case MESSAGE_TAKEN:
        if (number > dialogue->on_way)
            return false;
        dialogue->on_way -= number;
        return true;
    case MESSAGE_EXIT:
        if (!dialogue->runs || number > 255)
            return false;
        dialogue->exit_code = (int)number;
        dialogue->ended = true;
        return true;
    default: return false;
    }
}

static const struct reply *reply_for(const struct dialogue *dialogue, const struct message *message)
{
    if (dialogue->nasked == 0)
        return NULL;
    if (message->type == MESSAGE_REFUSED && message->size <= TEXT_MAX)
        return &refused;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        if (replies[i].asked == dialogue->asked[0].type && replies[i].type == message->type &&
            message->size >= replies[i].least && message->size <= replies[i].most)
            return &replies[i];
    return NULL;
}

/* What does not fit is thrown away: then the snapshot is not whole, and the guest stays there. */
static void take_part(struct dialogue *dialogue, const struct message *message)
{
    if (dialogue->parts.file >= 0 &&
        !parts_add(&dialogue->parts, message->data, message->size, &dialogue->parts_error))
        parts_drop(&dialogue->parts);
}

static bool take_returned(struct dialogue *dialogue, const struct message *message)
{
    if (dialogue->returned.size + message->size > RETURNED_MAX)
        return false;
    buffer_put(&dialogue->returned, message->data, message->size);
    return true;
}

/* False when it is no answer to what was asked first. */
static bool take_answer(struct dialogue *dialogue, const struct message *message)
{
    const struct reply *reply = reply_for(dialogue, message);
    bool forgotten = dialogue->asked[0].forgotten;
    if (!reply)
        return false;
    if (message->type == MESSAGE_PART)
        take_part(dialogue, message);
    else if (message->type == MESSAGE_INPUT)
        return take_returned(dialogue, message);
    else
        dialogue->has_answer = !forgotten;
    dialogue->runs |= message->type == MESSAGE_RUNNING;
    if (reply->next != NOTHING)
        dialogue->asked[0].type = (enum message_type)reply->next;
    else
        memmove(dialogue->asked, dialogue->asked + 1, --dialogue->nasked * sizeof *dialogue->asked);
    return true;
}

void dialogue_take(struct dialogue *dialogue)
{
    while (!dialogue->has_answer && !dialogue->ended && dialogue_reads(dialogue) &&
           link_next(&dialogue->link, &dialogue->answer))
        if (!take_stream(dialogue, &dialogue->answer) &&
            !take_answer(dialogue, &dialogue->answer)) {
            distrust(dialogue, &dialogue->answer);
            return;
        }
}

bool dialogue_answer(struct dialogue *dialogue, struct message *message)
{
    bool has = dialogue->has_answer;
    if (has)
        *message = dialogue->answer;
    dialogue->has_answer = false;
    return has;
}

void dialogue_close(struct dialogue *dialogue)
{
    if (dialogue->link.in >= 0)
        link_close(&dialogue->link);
    for (int i = 0; i < 2; i++)
        buffer_free(&dialogue->output[i]);
    buffer_free(&dialogue->returned);
    parts_drop(&dialogue->parts);
}
