/* test_link.c - the conversation between two machines: the framing and its bounds, every message in
 * every stage of the side that a guest goes to, and answers that nobody asked for. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../fuzz/fake_place.h"
#include "base/clean.h"
#include "check.h"
#include "cli/native/dialogue.h"
#include "cli/native/options_walk.h"
#include "host/host.h"

/* ---- messages as bytes */

static void say(struct buffer *said, int type, const char *payload)
{
    buffer_put_u8(said, (uint8_t)type);
    buffer_put_u32(said, (uint32_t)strlen(payload));
    buffer_put(said, payload, strlen(payload));
}

static struct link link_on(int in, int out)
{
    uint64_t now = host_monotonic();
    return (struct link){
        .in = in, .out = out, .timeout = 60000000000u, .heard = now, .said = now, .greeted = true};
}

/* ---- the link itself */

static void test_framing(void)
{
    struct buffer said = {0};
    struct message message;
    buffer_put(&said, "a shell's words" GREETING, strlen("a shell's words" GREETING));
    say(&said, MESSAGE_PING, "");
    say(&said, MESSAGE_FILE, "last");
    say(&said, MESSAGE_GO, "");
    struct link link = link_on(fake_peer(said.data, said.size), fake_peer("", 0));
    link.greeted = false;
    link_pump(&link, 0, true);
    check(link_next(&link, &message) && message.type == MESSAGE_FILE && message.size == 4 &&
              strcmp((const char *)message.data, "last") == 0,
          "after the greeting and a ping comes a message, with a zero behind it");
    check(link_next(&link, &message) && message.type == MESSAGE_GO && message.size == 0, "another");
    check(!link_next(&link, &message) && !link.cut, "and no more");
    check(!link_pump(&link, 0, true) && link.cut, "the end of the stream is a cut");
    link_close(&link);
    said.size = 0;
    buffer_put(&said, "p\1\0\20\0x", 6);
    link = link_on(fake_peer(said.data, said.size), fake_peer("", 0));
    link_pump(&link, 0, true);
    check(!link_next(&link, &message) && link.cut, "a message of more than a megabyte is none");
    link_close(&link);
    buffer_free(&said);
}

static void test_queues(void)
{
    static uint8_t bytes[1u << 16];
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    struct link link = link_on(ends[0], ends[0]);
    for (unsigned i = 0; i < 400; i++) { /* 25 MB through a queue that is never empty */
        while (link_queued(&link) < 2 * sizeof bytes)
            link_put(&link, MESSAGE_OUTPUT, bytes, sizeof bytes);
        link_pump(&link, 0, false);
        while (read(ends[1], bytes, sizeof bytes) > 0)
            ;
    }
    check(link.sending.size < 2 * MESSAGE_MAX, "a queue that is never empty does not grow");
    for (unsigned i = 0; i < 400; i++) { /* nobody takes what comes */
        while (write(ends[1], bytes, sizeof bytes) > 0)
            ;
        link_pump(&link, 0, true);
    }
    check(link.received.size < 2 * MESSAGE_MAX, "what nobody takes is not read");
    link_put(&link, MESSAGE_OUTPUT, bytes, MESSAGE_MAX + 1);
    check(link.cut, "a message that nobody would take is not sent");
    link_close(&link);
    close(ends[1]);
}

/* ---- there: every message in every stage */

#define TOKEN "0123456789abcdef0123456789abcdef"
#define HELLO "name=guest\nhost=native\ntoken=" TOKEN "\nlink-timeout=15000000000\n"

struct outcome {
    char answers[64]; /* their types, streams of the guest's aside */
    char refusal[512];
    struct fake fake;
    enum stage stage;
    bool kept; /* it is said of it that it was kept */
};

/* The other machine: says all at once, and is gone when so many answers have come, or one that
 * refuses. */
#define UNTIL_REFUSED 100u
struct peer {
    int connection;
    unsigned wanted;
    struct buffer answers;
};

/* How many whole answers there are, and into `outcome` of what types, unless that is NULL. */
static unsigned read_answers(const struct buffer *bytes, struct outcome *outcome)
{
    unsigned count = 0;
    for (size_t at = strlen(GREETING); at + 5 <= bytes->size;) {
        const uint8_t *message = bytes->data + at;
        uint32_t length = get_le32(message + 1);
        at += 5 + length;
        if (at > bytes->size || strchr("oet", *message))
            continue;
        if (outcome && count < sizeof outcome->answers - 1)
            outcome->answers[count] = (char)*message;
        if (outcome && *message == MESSAGE_REFUSED)
            snprintf(outcome->refusal, sizeof outcome->refusal, "%.*s", (int)length, message + 5);
        count++;
    }
    return count;
}

static void *listen_to(void *context)
{
    struct peer *peer = context;
    uint8_t bytes[4096];
    for (;;) {
        struct outcome so_far = {0};
        bool enough = read_answers(&peer->answers, &so_far) >= peer->wanted;
        if (enough || (peer->wanted == UNTIL_REFUSED && *so_far.refusal))
            shutdown(peer->connection, SHUT_WR);
        ssize_t size = read(peer->connection, bytes, sizeof bytes);
        if (size <= 0)
            return NULL;
        buffer_put(&peer->answers, bytes, (size_t)size);
    }
}

static bool is_kept(void)
{
    char path[128];
    struct buffer text = {0};
    snprintf(path, sizeof path, "%s/yadokari/moves/" TOKEN, fake_directory);
    bool kept = file_read(path, &text, NULL);
    buffer_put_u8(&text, 0);
    kept = kept && strstr((const char *)text.data, "then=the guest is stopped");
    buffer_free(&text);
    return kept;
}

/* What comes of it when that is said, and the other machine is gone after so many answers. */
static struct outcome receive(const struct buffer *said, unsigned wanted, struct fake wish,
                              const struct list *roots)
{
    static struct receiver receiver;
    static const struct list none = {0};
    struct outcome outcome = {0};
    int ends[2];
    pthread_t thread;
    require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    struct peer peer = {.connection = ends[1], .wanted = wanted};
    require(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &(int){4 << 20}, sizeof(int)) == 0);
    require(write(ends[1], said->data, said->size) == (ssize_t)said->size);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    require(pthread_create(&thread, NULL, listen_to, &peer) == 0);
    fake = wish;
    fake.output = -1;
    receiver_run(&receiver, &fake_world, roots ? roots : &none, ends[0], ends[0]);
    outcome.stage = receiver.stage;
    struct place *place = receiver.alone ? receiver.place : NULL;
    receiver_free(&receiver);
    free(place);
    close(ends[0]);
    pthread_join(thread, NULL);
    read_answers(&peer.answers, &outcome);
    buffer_free(&peer.answers);
    close(ends[1]);
    outcome.fake = fake;
    outcome.kept = is_kept();
    check(fake_entries() == 0, "the guest's directory is gone");
    fake_clear();
    return outcome;
}

static const struct step {
    int type; /* one of enum message_type, or none */
    const char *payload;
} way[] = {
    {MESSAGE_HELLO, HELLO},
    {MESSAGE_PART, "state"},
    {MESSAGE_FILE, "0"},
    {MESSAGE_PART, "more"},
    {MESSAGE_FILE, "last"},
    {MESSAGE_GO, ""},
    {MESSAGE_DONE, ""},
    {MESSAGE_SNAPSHOT, "file=0\nbase=\n"},
    {MESSAGE_SNAPSHOT, "file=1\nbase=0\n"},
    {MESSAGE_SNAPSHOT, "file=last\nbase=1\nhold=1\n"},
    {MESSAGE_LEAVE, ""},
};

/* How many answers so many steps of the way have, and what may come then, by its types; all else is
 * refused. */
static const struct {
    unsigned steps, answers;
    const char *allowed;
} stages[] = {{0, 0, "H"},     {1, 1, "p"},      {2, 1, "pF"},     {3, 2, "p"},
              {4, 2, "pF"},    {5, 3, "G"},      {6, 4, "D"},      {7, 4, "izkSR"},
              {8, 7, "izkSR"}, {9, 10, "izkSR"}, {10, 13, "izkRL"}};

static const struct step any[] = {
    {MESSAGE_HELLO, HELLO},
    {MESSAGE_PART, "x"},
    {MESSAGE_MODULE, ""},
    {MESSAGE_FILE, ""},
    {MESSAGE_GO, ""},
    {MESSAGE_DONE, ""},
    {MESSAGE_INPUT, "x"},
    {MESSAGE_INPUT_END, ""},
    {MESSAGE_SIGNAL, "\x0f"},
    {MESSAGE_SNAPSHOT, ""},
    {MESSAGE_RESUME, ""},
    {MESSAGE_LEAVE, ""},
    {MESSAGE_OK, ""},
    {MESSAGE_WANT, ""},
    {MESSAGE_REFUSED, "no"},
    {MESSAGE_RUNNING, ""},
    {MESSAGE_OUTPUT, "x"},
    {MESSAGE_ERRORS, "x"},
    {MESSAGE_TAKEN, "\1\1\1\1"},
    {MESSAGE_EXIT, "\1\1\1\1"},
    {'?', ""},
};

static const char *payload_for(const struct step *step, unsigned steps)
{
    if (step->type == MESSAGE_FILE)
        return steps == 2 ? "0" : "1";
    if (step->type == MESSAGE_SNAPSHOT)
        return steps == 7   ? "file=0\nbase=\n"
               : steps == 8 ? "file=1\nbase=0\n"
                            : "file=2\nbase=1\n";
    return step->payload;
}

static void test_stages(void)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        for (size_t j = 0; j < sizeof any / sizeof *any; j++) {
            struct buffer said = {0};
            char what[80];
            for (unsigned step = 0; step < stages[i].steps; step++)
                say(&said, way[step].type, way[step].payload);
            say(&said, any[j].type, payload_for(&any[j], stages[i].steps));
            bool allowed = strchr(stages[i].allowed, any[j].type) != NULL;
            bool answered = !allowed || !strchr("pDizk", any[j].type);
            struct outcome outcome =
                receive(&said, stages[i].answers + answered, (struct fake){0}, NULL);
            snprintf(what, sizeof what, "after %u steps a message '%c' is %s", stages[i].steps,
                     any[j].type, allowed ? "taken" : "refused");
            check(allowed == !strchr(outcome.answers, MESSAGE_REFUSED), what);
            snprintf(what, sizeof what, "after %u steps and '%c' it has begun %s", stages[i].steps,
                     any[j].type,
                     stages[i].steps > 5 || (stages[i].steps == 5 && allowed) ? "once" : "not");
            check(outcome.fake.begun == (stages[i].steps > 5 || (stages[i].steps == 5 && allowed)),
                  what);
            buffer_free(&said);
        }
}

static struct outcome receive_steps(unsigned steps, int type, const char *payload, unsigned answers,
                                    struct fake wish)
{
    struct buffer said = {0};
    for (unsigned step = 0; step < steps; step++)
        say(&said, way[step].type, way[step].payload);
    if (payload)
        say(&said, type, payload);
    struct outcome outcome = receive(&said, answers, wish, NULL);
    buffer_free(&said);
    return outcome;
}

static void test_ways(void)
{
    struct outcome outcome = receive_steps(11, MESSAGE_PING, NULL, 14, (struct fake){0});
    check_text(outcome.answers, "KKKUKpFKpFKpFK", "a guest comes and leaves");
    check(outcome.fake.gone && outcome.stage == STAGE_OVER && !outcome.kept, "it has left");
    outcome = receive_steps(7, MESSAGE_PING, NULL, 4, (struct fake){0});
    check(outcome.fake.held && outcome.kept,
          "it is stopped and kept when nobody is there any more");
    outcome = receive_steps(6, MESSAGE_PING, NULL, 4, (struct fake){0});
    check(outcome.fake.held && outcome.kept, "likewise when it is not known there that it runs");
    outcome = receive_steps(5, MESSAGE_PING, NULL, 3, (struct fake){0});
    check(outcome.fake.begun == 0 && !outcome.kept, "without GO nothing was there");
    outcome = receive_steps(6, MESSAGE_PING, NULL, 4, (struct fake){.refuses_to_go = true});
    check_text(outcome.answers, "KKKE", "one that cannot begin is refused");
    check(!outcome.kept && outcome.stage == STAGE_OVER, "and nothing of it is kept");
    outcome = receive_steps(8, MESSAGE_RESUME, "", 6, (struct fake){.refuses_snapshots = true});
    check_text(outcome.answers, "KKKUEK", "one that gives no snapshot runs on");
    outcome = receive_steps(7, MESSAGE_PING, NULL, 5, (struct fake){.turns_left = 1});
    check_text(outcome.answers, "KKKUX", "the exit code of one that ends comes back");
    check(!outcome.kept, "and nothing of it is kept");
}

static void test_payloads(void)
{
    static const struct {
        unsigned steps;
        int type; /* one of enum message_type, or none */
        const char *payload, *what;
    } wrong[] = {
        {2, MESSAGE_FILE, "1", "a snapshot before the one that it follows"},
        {2, MESSAGE_FILE, "00", "a number that is none"},
        {2, MESSAGE_FILE, "../x", "a path for a snapshot"},
        {4, MESSAGE_FILE, "0", "a snapshot twice"},
        {7, MESSAGE_SNAPSHOT, "file=last\nbase=\nhold=1\n", "the last snapshot first"},
        {7, MESSAGE_SNAPSHOT, "file=1\nbase=0\n", "a base that is not there"},
        {7, MESSAGE_SNAPSHOT, "file=2\nbase=1\n", "a base of when it came"},
        {8, MESSAGE_SNAPSHOT, "file=1\nbase=../../x\n", "a path for a base"},
        {8, MESSAGE_SNAPSHOT, "file=1/../../x\nbase=0\n",
         "a path for a snapshot that is asked for"},
        {8, MESSAGE_SNAPSHOT, "file=1\nbase=0123456789012345\n", "a long base"},
        {8, MESSAGE_SNAPSHOT, "file=1\nbase=0\nhold=1\n", "a guest that is held by a middle one"},
        {7, MESSAGE_SNAPSHOT, "file=0\nbase=\nfiles=3\n", "a way to treat files that there is not"},
        {7, MESSAGE_SNAPSHOT, "nothing\n", "a snapshot that is not named"},
        {7, MESSAGE_SIGNAL, "\x13", "a signal that stops it"},
        {7, MESSAGE_SIGNAL, "\x0f\x0f", "two signals"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct outcome outcome = receive_steps(wrong[i].steps, wrong[i].type, wrong[i].payload,
                                               UNTIL_REFUSED, (struct fake){0});
        check(strchr(outcome.answers, MESSAGE_REFUSED) && !outcome.fake.last_signal, wrong[i].what);
    }
}

static void test_hello(void)
{
    static const struct {
        const char *lines;
        const char *refusal; /* NULL: it is taken */
    } hellos[] = {
        {HELLO, NULL},
        {HELLO "option=--dir=/tmp::/data\noption=--max-memory=65536\noption=--compress\n", NULL},
        {HELLO "option=--every=10s\noption=--keep=2\noption=--files=embed\n", NULL},
        {HELLO "option=--module=/etc/passwd\n", "--module"},
        {HELLO "option=--output=/x\n", "--output"},
        {HELLO "option=--snapshot=/x\n", "--snapshot"},
        {HELLO "option=--request=/x\n", "--request"},
        {HELLO "option=--consume\n", "--consume"},
        {HELLO "option=--standby\n", "--standby"},
        {HELLO "option=--decrypt-with=/x\n", "--decrypt-with"},
        {HELLO "option=--with-base=/x\n", "--with-base"},
        {HELLO "option=--trigger=/x\n", "--trigger"},
        {HELLO "option=--every\noption=--module=/x\n", "--every"},
        {HELLO "option=--\n", "--"},
        {HELLO "option=/etc/passwd\n", "/etc/passwd"},
        {HELLO "option=-o\n", "-o"},
        {HELLO "option=--max-memory=1\n", "--max-memory"},
        {HELLO "option=--dir=/nowhere/at/all::/data\n", "/nowhere/at/all"},
        {HELLO "host=nohost\n", NULL}, /* the first line of a key counts */
        {"name=../x\nhost=native\ntoken=" TOKEN "\nlink-timeout=1\n", "greeting"},
        {"name=.x\nhost=native\ntoken=" TOKEN "\nlink-timeout=1\n", "greeting"},
        {"name=a\x1b[31m\nhost=native\ntoken=" TOKEN "\nlink-timeout=1\n", "greeting"},
        {"name=x\nhost=native\ntoken=../../../../../../../../etc/passw\nlink-timeout=1\n",
         "greeting"},
        {"name=x\nhost=native\ntoken=" TOKEN "\n", "greeting"},
        {"name=x\nhost=nohost\ntoken=" TOKEN "\nlink-timeout=9999999999\n", "nohost"},
        {HELLO "module=x\n", "hash"},
    };
    for (size_t i = 0; i < sizeof hellos / sizeof *hellos; i++) {
        struct outcome outcome =
            receive_steps(0, MESSAGE_HELLO, hellos[i].lines, 1, (struct fake){0});
        const char *refusal = hellos[i].refusal;
        if (!check(refusal ? strstr(outcome.refusal, refusal) && !outcome.fake.prepared
                           : strcmp(outcome.answers, "K") == 0,
                   hellos[i].lines))
            printf("  instead: %s, %s\n", outcome.answers, outcome.refusal);
    }
}

static void test_roots(void)
{
    const char *items[] = {fake_directory};
    const struct list roots = {items, 1};
    char inside[80], link_[80], text[400];
    const char *const paths[] = {fake_directory, inside, "/", "/tmp/..", link_};
    for (unsigned i = 0; i < 5; i++) {
        struct buffer said = {0};
        snprintf(inside, sizeof inside, "%s/in", fake_directory);
        snprintf(link_, sizeof link_, "%s/out", fake_directory);
        require(mkdir(inside, 0700) == 0 && symlink("/", link_) == 0);
        snprintf(text, sizeof text, HELLO "option=--dir=%s::/data\n", paths[i]);
        say(&said, MESSAGE_HELLO, text);
        struct outcome outcome = receive(&said, 1, (struct fake){0}, &roots);
        check_text(outcome.answers, i < 2 ? "K" : "E", paths[i]);
        buffer_free(&said);
    }
}

static void test_floods(void)
{
    struct buffer said = {0};
    char *much = calloc(1, INPUT_MAX + 2);
    memset(much, 'x', INPUT_MAX + 1);
    for (unsigned step = 0; step < 7; step++)
        say(&said, way[step].type, way[step].payload);
    much[INPUT_MAX] = 0;
    for (unsigned i = 0; i < 8; i++)
        say(&said, MESSAGE_INPUT, much);
    struct outcome outcome = receive(&said, 5, (struct fake){0}, NULL);
    check(strstr(outcome.refusal, "input") && outcome.kept,
          "who sends more input than there is room for is cut, and the guest is kept");
    buffer_free(&said);
    free(much);
}

/* ---- back: answers */

static bool await(struct dialogue *dialogue, struct message *message)
{
    for (;;) {
        dialogue_take(dialogue);
        if (dialogue_answer(dialogue, message))
            return true;
        if (!link_pump(&dialogue->link, 0, dialogue_reads(dialogue)))
            return false;
    }
}

static struct dialogue dialogue_on(struct buffer *said)
{
    struct dialogue dialogue = {.link =
                                    link_on(fake_peer(said->data, said->size), fake_peer("", 0)),
                                .parts = {.file = -1}};
    said->size = 0;
    return dialogue;
}

static void begin(struct buffer *said)
{
    say(said, MESSAGE_OK, "");
    say(said, MESSAGE_RUNNING, "age=1\n");
}

static void follow(struct dialogue *dialogue)
{
    struct message message;
    dialogue_ask(dialogue, MESSAGE_HELLO, "", 0);
    check(await(dialogue, &message) && message.type == MESSAGE_OK, "HELLO is answered");
    dialogue_ask(dialogue, MESSAGE_GO, "", 0);
    check(await(dialogue, &message) && message.type == MESSAGE_RUNNING && dialogue->runs,
          "it runs");
}

/* The answers to what is waited for no longer are not those of what is asked next. */
static void test_late(void)
{
    struct buffer said = {0};
    struct message message;
    begin(&said);
    say(&said, MESSAGE_OK, "size=5\n");
    say(&said, MESSAGE_OUTPUT, "words");
    say(&said, MESSAGE_PART, "state");
    say(&said, MESSAGE_FILE, "0");
    say(&said, MESSAGE_OK, "resumed");
    say(&said, MESSAGE_OUTPUT, " more");
    buffer_put(&said, "X\4\0\0\0\7\0\0\0", 9);
    struct dialogue dialogue = dialogue_on(&said);
    follow(&dialogue);
    dialogue_ask(&dialogue, MESSAGE_SNAPSHOT, "", 0);
    dialogue_forget(&dialogue);
    dialogue_ask(&dialogue, MESSAGE_RESUME, "", 0);
    check(await(&dialogue, &message) && message.type == MESSAGE_OK && message.size == 7,
          "what nobody waits for is thrown away, parts and all");
    check(!await(&dialogue, &message) && dialogue.ended && dialogue.exit_code == 7,
          "it ends with 7");
    check(dialogue.output[0].size == 10, "its output has come all the time");
    dialogue_close(&dialogue);
    buffer_free(&said);
}

static void test_nonsense(void)
{
    static const struct {
        int type; /* one of enum message_type, or none */
        const char *payload;
        size_t size;
        const char *what;
    } wrong[] = {
        {MESSAGE_OK, "", 0, "an answer to nothing"},
        {MESSAGE_REFUSED, "no", 2, "a refusal of nothing"},
        {MESSAGE_PART, "x", 1, "a part that nobody asked for"},
        {MESSAGE_INPUT, "x", 1, "input that comes back though nothing leaves"},
        {MESSAGE_TAKEN, "\1\0\0\0", 4, "more input taken than was on its way"},
        {MESSAGE_TAKEN, "\1", 1, "a number that is none"},
        {MESSAGE_EXIT, "\0\1\0\0", 4, "an exit code that is none"},
        {MESSAGE_RUNNING, "", 0, "running twice"},
        {MESSAGE_HELLO, "", 0, "a message of the other direction"},
        {'?', "", 0, "an unknown message"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct buffer said = {0};
        struct message message;
        begin(&said);
        buffer_put_u8(&said, (uint8_t)wrong[i].type);
        buffer_put_u32(&said, (uint32_t)wrong[i].size);
        buffer_put(&said, wrong[i].payload, wrong[i].size);
        struct dialogue dialogue = dialogue_on(&said);
        follow(&dialogue);
        check(!await(&dialogue, &message) && dialogue.error.kind == ERROR_IO && !dialogue.ended,
              wrong[i].what);
        dialogue_close(&dialogue);
        buffer_free(&said);
    }
}

static void test_parts(void)
{
    struct buffer said = {0};
    struct message message;
    struct error error;
    struct stat found;
    char path[80];
    snprintf(path, sizeof path, "%s/arriving", fake_directory);
    begin(&said);
    say(&said, MESSAGE_OK, "size=5\n");
    for (unsigned i = 0; i < 3; i++)
        say(&said, MESSAGE_PART, "state");
    say(&said, MESSAGE_FILE, "0");
    struct dialogue dialogue = dialogue_on(&said);
    follow(&dialogue);
    dialogue_ask(&dialogue, MESSAGE_SNAPSHOT, "", 0);
    check(await(&dialogue, &message) && message.type == MESSAGE_OK,
          "a snapshot of 5 bytes is told");
    check(parts_begin(&dialogue.parts, path, 5, &error), "a file for it");
    check(await(&dialogue, &message) && message.type == MESSAGE_FILE &&
              dialogue.parts_error.kind == ERROR_IO && stat(path, &found) != 0,
          "15 are sent: it is not taken, and nothing is left");
    dialogue_close(&dialogue);
    buffer_free(&said);
}

static void test_output(void)
{
    struct buffer said = {0};
    struct message message;
    char *much = calloc(1, PART_MAX + 1);
    memset(much, 'x', PART_MAX);
    begin(&said);
    for (unsigned i = 0; i < 64; i++)
        say(&said, MESSAGE_OUTPUT, much);
    struct dialogue dialogue = dialogue_on(&said);
    follow(&dialogue);
    for (unsigned i = 0; i < 100; i++) {
        dialogue_take(&dialogue);
        link_pump(&dialogue.link, 0, dialogue_reads(&dialogue));
    }
    check(dialogue.output[0].size >= OUTPUT_WINDOW && dialogue.output[0].size < 2 * MESSAGE_MAX &&
              !dialogue.link.cut,
          "output that nobody reads is not fetched");
    dialogue_ask(&dialogue, MESSAGE_RESUME, "", 0);
    for (unsigned i = 0; i < 100; i++) {
        dialogue_take(&dialogue);
        link_pump(&dialogue.link, 0, dialogue_reads(&dialogue));
    }
    check(!dialogue_answer(&dialogue, &message) &&
              dialogue.output[0].size < OUTPUT_HELD + MESSAGE_MAX,
          "more of it where an answer may stand behind it, with a bound");
    dialogue_close(&dialogue);
    buffer_free(&said);
    free(much);
}

static void test_input(void)
{
    struct buffer said = {0}, input = {0};
    uint8_t *at = buffer_extend(&input, 3 * INPUT_WINDOW);
    memset(at, 'x', 3 * INPUT_WINDOW);
    struct dialogue dialogue = dialogue_on(&said);
    dialogue_send_input(&dialogue, &input);
    dialogue_send_input(&dialogue, &input);
    check(dialogue.on_way == INPUT_WINDOW && input.size == 2 * INPUT_WINDOW,
          "no more input is on its way than the window");
    dialogue_close(&dialogue);
    buffer_free(&input);
}

/* ---- what may be shown */

static void test_clean(void)
{
    static const struct {
        const char *text, *shown;
    } texts[] = {
        {"plain, \303\274\344\270\255\360\237\246\200",
         "plain, \303\274\344\270\255\360\237\246\200"},
        {"\33[31mred\7\t\n\177", "?[31mred????"},
        {"\302\233"
         "31m",
         "?31m"},
        {"\342\200\256abc\342\201\246", "?abc?"},
        {"a\342\200\213b\357\273\277c\302\255d", "a?b?c?d"},
        {"\342\200\250line\342\200\251", "?line?"},
        {"\363\240\201\201tag", "?tag"},
        {"\377\300\257\355\240\200", "??????"},
        {"cut \360\237\246", "cut ???"},
        {"\302", "?"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char copy[80];
        struct error error;
        snprintf(copy, sizeof copy, "%s", texts[i].text);
        check_text(clean_string(copy), texts[i].shown, "cleaned");
        error_set(&error, ERROR_IO, "%s", texts[i].text);
        check_text(error.message, texts[i].shown, "cleaned in an error");
    }
    check(option_travels("--compress") && !option_travels("--compress=1") &&
              option_travels("--keep=2") && !option_travels("--keep") && !option_travels("") &&
              !option_travels("--modul") && !option_travels("--directory=x"),
          "an option travels as a whole or not at all");
}

int main(void)
{
    fake_begin();
    signal(SIGPIPE, SIG_IGN);
    test_framing();
    test_queues();
    test_stages();
    test_ways();
    test_payloads();
    test_hello();
    test_roots();
    test_floods();
    test_late();
    test_nonsense();
    test_parts();
    test_output();
    test_input();
    test_clean();
    return checks_end();
}
