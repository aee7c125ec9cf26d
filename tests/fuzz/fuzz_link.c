/* fuzz_link.c - the conversation of `yado migrate --to`, with another machine that says anything:
 * to `yado receive` (receive.c), or back to the supervisor that asked it (dialogue.c). No process is
 * started; fake_place.h aborts where a guest would be asked for what makes no sense.
 *
 *     byte 0       bit 0: back; else there
 *                  bit 1: the rest is the link's bytes as they are; else messages, below
 *     byte 1       there: bit 0 it refuses to go, 1 it refuses snapshots, 2 to 7 when it ends
 *                  back:  bit 0 nobody reads the output, 1 the guest leaves, 2 to 7 which of what
 *                         is asked is not waited for
 *     then         a message each: place of its type in `types`, size u16, payload */
#include "fake_place.h"

#include "cli/native/dialogue.h"
#include "host/host.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char types[] = "HpMFGDizkSRLKWEUoetX.?";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fake_begin();
    return 0;
}

/* ---- there */

/* What is answered are messages, of types that go back. */
static void check_answers(int out)
{
    static uint8_t bytes[1u << 16];
    const size_t greeting = strlen(GREETING);
    ssize_t got = pread(out, bytes, sizeof bytes, 0);
    size_t size = got < 0 ? 0 : (size_t)got, at = greeting;
    require(size >= greeting && memcmp(bytes, GREETING, greeting) == 0);
    while (at + 5 <= size) {
        require(strchr("KWEUoetXpFi.", bytes[at]) && get_le32(bytes + at + 1) <= MESSAGE_MAX);
        at += 5 + get_le32(bytes + at + 1);
    }
}

static void talk_to_receiver(const struct buffer *said, uint8_t wishes)
{
    static struct receiver receiver;
    const struct list roots = {0};
    int in = fake_peer(said->data, said->size), out = fake_peer("", 0);
    fake = (struct fake){.refuses_to_go = wishes & 1,
                         .refuses_snapshots = wishes & 2,
                         .turns_left = wishes >> 2,
                         .output = -1};
    receiver_run(&receiver, &fake_world, &roots, in, out);
    require(receiver.supervisor.input.waiting.size <= INPUT_MAX || receiver.alone);
    require(receiver.link.received.size <= 2 * MESSAGE_MAX);
    require(!receiver.alone || (fake.runs && receiver.detach));
    struct place *place = receiver.place;
    bool alone = receiver.alone;
    receiver_free(&receiver);
    if (alone) {
        place->kind->abandon(place);
        free(place);
    }
    require(fake.prepared == fake.abandoned && fake_entries() == 0);
    check_answers(out);
    close(in);
    close(out);
}

/* ---- back */

struct talk {
    struct dialogue dialogue;
    uint8_t wishes;
    unsigned asked;
};

static void check_bounds(const struct dialogue *dialogue)
{
    for (int i = 0; i < 2; i++)
        require(dialogue->output[i].size < OUTPUT_HELD + MESSAGE_MAX);
    require(dialogue->on_way <= INPUT_WINDOW && dialogue->returned.size <= RETURNED_MAX);
    require(dialogue->nasked <= ASKED_MAX && dialogue->exit_code >= 0 &&
            dialogue->exit_code <= 255);
    require(!dialogue->ended || dialogue->runs);
    require(dialogue->link.received.size <= 2 * MESSAGE_MAX);
}

/* The answer; false when none comes any more, or nobody waits for it. */
static bool await(struct talk *talk, struct message *message)
{
    struct dialogue *dialogue = &talk->dialogue;
    bool waits = !(talk->wishes >> 2 & 1u << talk->asked++ % 8);
    while (waits) {
        dialogue_take(dialogue);
        check_bounds(dialogue);
        if (dialogue_answer(dialogue, message))
            return true;
        if (dialogue->link.cut || dialogue->ended)
            break;
        if (!(talk->wishes & 1) || !dialogue_reads(dialogue))
            dialogue->output[0].size = dialogue->output[1].size = 0; /* somebody reads it */
        link_pump(&dialogue->link, 0, dialogue_reads(dialogue));
    }
    dialogue_forget(dialogue);
    return false;
}

static bool ask(struct talk *talk, enum message_type type, struct message *message)
{
    dialogue_ask(&talk->dialogue, type, "x", 1);
    return await(talk, message);
}

static void come_back(struct talk *talk, const char *path)
{
    struct dialogue *dialogue = &talk->dialogue;
    struct buffer input = {0};
    struct message message;
    struct error error;
    struct stat found;
    buffer_put(&input, path, strlen(path));
    dialogue_send_input(dialogue, &input);
    buffer_free(&input);
    if (ask(talk, MESSAGE_SNAPSHOT, &message) && message.type == MESSAGE_OK) {
        uint64_t told = message.size;
        require(parts_begin(&dialogue->parts, path, told, &error));
        bool whole = await(talk, &message) && message.type == MESSAGE_FILE &&
                     dialogue->parts_error.kind == ERROR_NONE;
        require(stat(path, &found) != 0 || (uint64_t)found.st_size <= told);
        require(!whole || dialogue->parts.file >= 0);
        parts_drop(&dialogue->parts);
    }
    ask(talk, talk->wishes & 2 ? MESSAGE_LEAVE : MESSAGE_RESUME, &message);
}

static void talk_back(const struct buffer *said, uint8_t wishes)
{
    static const enum message_type before[] = {MESSAGE_HELLO, MESSAGE_FILE, MESSAGE_FILE};
    struct talk talk = {.wishes = wishes};
    struct message message;
    uint64_t now = host_monotonic();
    char path[128];
    talk.dialogue.link = (struct link){.in = fake_peer(said->data, said->size),
                                       .out = fake_peer("", 0),
                                       .timeout = 1000000000000u,
                                       .heard = now,
                                       .said = now,
                                       .greeted = true};
    talk.dialogue.parts.file = -1;
    snprintf(path, sizeof path, "%s/arriving", fake_directory);
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (ask(&talk, before[i], &message) && message.type == MESSAGE_WANT)
            ask(&talk, MESSAGE_MODULE, &message);
    require(!talk.dialogue.runs);
    if (ask(&talk, MESSAGE_GO, &message) && message.type == MESSAGE_RUNNING)
        for (unsigned i = 0; i < 4 && !talk.dialogue.ended && !talk.dialogue.link.cut; i++)
            come_back(&talk, path);
    check_bounds(&talk.dialogue);
    dialogue_close(&talk.dialogue);
}

/* ---- what is said */

static void put_message(struct buffer *said, uint8_t type, const uint8_t *payload, size_t size)
{
    buffer_put_u8(said, (uint8_t)types[type % (sizeof types - 1)]);
    buffer_put_u32(said, (uint32_t)size);
    buffer_put(said, payload, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer said = {0};
    if (size < 2)
        return 0;
    const uint8_t *at = data + 2, *end = data + size;
    if (data[0] & 2)
        buffer_put(&said, at, (size_t)(end - at));
    while (!(data[0] & 2) && end - at >= 3) {
        size_t left = (size_t)(end - at) - 3, wanted = get_le16(at + 1);
        put_message(&said, at[0], at + 3, wanted < left ? wanted : left);
        at += 3 + (wanted < left ? wanted : left);
    }
    if (data[0] & 1)
        talk_back(&said, data[1]);
    else
        talk_to_receiver(&said, data[1]);
    buffer_free(&said);
    fake_clear();
    return 0;
}
