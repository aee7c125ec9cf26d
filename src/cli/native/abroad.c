#include "cli/native/abroad.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/dialogue.h"
#include "cli/native/envelopes.h"
#include "cli/native/lines.h"
#include "cli/native/options_walk.h"
#include "cli/native/remote.h"
#include "cli/native/ssh.h"
#include "cli/print.h"
#include "guest/hold.h"
#include "host/files.h"
#include "host/host.h"

#define CONNECT_SECONDS 60
#define ANSWER_SECONDS  60
#define PREPARE_SECONDS 600 /* there, Yadokari may have to be compiled for the host */

struct abroad {
    struct dialogue dialogue;
    struct ssh ssh;
    char token[40], host[64];
    bool detach;
    bool leaving, input_ended;
};

/* ---- the connection */

static bool cut(struct place *place, struct error *error)
{
    const struct abroad *abroad = place->abroad;
    char text[256];
    if (abroad->dialogue.error.kind != ERROR_NONE)
        return error_set(error, ERROR_IO, "%.100s: %s", abroad->ssh.target,
                         abroad->dialogue.error.message);
    ssh_errors(&abroad->ssh, text, sizeof text);
    return error_set(error, ERROR_IO, "the connection to %.100s is cut%s%s", abroad->ssh.target,
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

/* All of it, before something else is written here. Who reads it may have stopped for a while:
 * meanwhile the connection stays alive, and signals and the client are looked at. False when it is
 * not wanted any more. */
static bool flush_output(struct place *place)
{
    struct dialogue *dialogue = &place->abroad->dialogue;
    struct supervisor *supervisor = place->supervisor;
    for (int i = 0; i < 2; i++)
        while (dialogue->output[i].size) {
            struct pollfd ready = {.fd = i + 1, .events = POLLOUT};
            poll(&ready, 1, 50);
            write_output(&dialogue->output[i], i + 1);
            supervisor->service(supervisor);
            if (is_cancelled(supervisor) || supervisor->interrupted)
                return false;
        }
    return true;
}

static void service_link(struct place *place)
{
    struct dialogue *dialogue = &place->abroad->dialogue;
    link_pump(&dialogue->link, 0, dialogue_reads(dialogue));
    dialogue_take(dialogue);
    write_outputs(dialogue);
}

/* Why an answer is no longer waited for. */
static bool gives_up(struct place *place, uint64_t end, bool revocable, struct error *error)
{
    struct supervisor *supervisor = place->supervisor;
    if (place->abroad->dialogue.link.cut)
        return !cut(place, error);
    if (place->abroad->dialogue.ended)
        return !error_set(error, ERROR_IO, "the guest has ended there");
    if (revocable && is_cancelled(supervisor))
        return !error_set(error, ERROR_IO, "`yado migrate` was ended");
    if (revocable && supervisor->place != place &&
        supervisor->place->kind->has_ended(supervisor->place))
        return !error_set(error, ERROR_IO, "the guest has ended");
    return host_monotonic() > end &&
           !error_set(error, ERROR_IO, "no answer from %s in time", place->abroad->ssh.target);
}

/* The answer to what was asked last, within so many seconds. `revocable`: the user and the guest
 * here may still change their minds. */
static bool await_message(struct place *place, struct message *message, unsigned seconds,
                          bool revocable, struct error *error)
{
    struct dialogue *dialogue = &place->abroad->dialogue;
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

static bool await_ok(struct place *place, struct message *message, unsigned seconds,
                     struct error *error)
{
    if (!await_message(place, message, seconds, true, error))
        return false;
    return message->type == MESSAGE_OK ||
           error_set(error, ERROR_IO, "%s: %s", place->abroad->ssh.target,
                     message->type == MESSAGE_REFUSED ? (const char *)message->data
                                                      : "an answer that makes no sense");
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    struct supervisor *supervisor = context;
    supervisor_tell(supervisor, "progress", "%llu %llu sending", (unsigned long long)done,
                    (unsigned long long)total);
    supervisor->service(supervisor);
}

static void make_token(char token[40])
{
    uint8_t bytes[16] = {0};
    (void)host_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
}

static bool await_greeting(struct place *place, struct error *error)
{
    struct dialogue *dialogue = &place->abroad->dialogue;
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

bool abroad_open(struct place *place, const char *target, const char *host, const char *wish,
                 struct error *error)
{
    struct abroad *abroad = place->abroad = calloc(1, sizeof *abroad);
    int streams[2];
    if (!abroad)
        return error_set(error, ERROR_MEMORY, "no memory for a connection");
    place->kind = &abroad_kind;
    abroad->dialogue.parts.file = abroad->dialogue.link.in = abroad->dialogue.link.out = -1;
    snprintf(place->name, sizeof place->name, "%.200s %.60s", target, host);
    snprintf(abroad->host, sizeof abroad->host, "%s", host);
    make_token(abroad->token);
    abroad->detach = line_number(wish, "detach");
    if (!ssh_start(&abroad->ssh, target, wish, streams, error))
        return false;
    struct link *link = &abroad->dialogue.link;
    link->in = streams[0];
    link->out = streams[1];
    link->said = link->heard = host_monotonic();
    if (!await_greeting(place, error))
        return false;
    link->timeout = line_number(wish, "link-timeout");
    return true;
}

void abroad_close(struct place *place)
{
    struct abroad *abroad = place->abroad;
    dialogue_close(&abroad->dialogue);
    ssh_end(&abroad->ssh);
    free(abroad);
    place->abroad = NULL;
}

/* ---- a guest that is to go there */

struct going {
    const struct list *dirs; /* of `yado migrate --dir`: "DIRECTORY::GUEST" */
    uint32_t used;           /* of these */
    struct buffer *text;
    struct error *error;
};

/* What a directory of the guest's is called there: as `yado migrate --dir` says, else as here. */
static bool put_directory(struct going *going, const struct setting *setting,
                          struct arguments *option)
{
    char path[PATH_ROOM];
    const char *other = NULL;
    for (uint32_t i = 0; i < going->dirs->count; i++) {
        const char *split = strstr(going->dirs->items[i], "::");
        if (split && strcmp(split + 2, setting->directory) == 0)
            other = going->dirs->items[i], going->used++;
    }
    if (!other && !absolute_path(setting->value, path, going->error))
        return false;
    if (other)
        arguments_add(option, "%s=%s", setting->name, other);
    else
        arguments_add(option, "%s=%s::%s", setting->name, path, setting->directory);
    return true;
}

static bool put_option(void *context, const struct setting *setting)
{
    struct going *going = context;
    struct arguments option = {0};
    bool good = true;
    if (setting->directory)
        good = put_directory(going, setting, &option);
    else
        setting_add(&option, setting, setting->value);
    if (good && option.count)
        line_put(going->text, "option", option.list[0]);
    going->text->failed |= option.failed;
    arguments_free(&option);
    return good;
}

/* What names files of this machine does not go with the guest. */
static void tell_what_stays(struct supervisor *supervisor, const struct options *options, bool keys)
{
    if (options->snapshots.trigger)
        supervisor_tell(supervisor, "phase", "--trigger stays: %s is a file of this machine",
                        options->snapshots.trigger);
    if (keys)
        supervisor_tell(supervisor, "phase", "%sthe keys stay, and go nowhere",
                        options->snapshots.every ? "--every and " : "");
}

/* Limits and the like go with it. Snapshots of --every are written there, unless they would lack
 * the signature or the encryption that they have here. */
static bool put_options(struct place *place, struct buffer *text, struct error *error)
{
    struct supervisor *supervisor = place->supervisor;
    struct options options = *supervisor->options;
    uint64_t gone = host_monotonic() - supervisor->begun;
    bool keys = envelopes_wrap(&options.snapshots);
    tell_what_stays(supervisor, &options, keys);
    if (keys)
        options.snapshots.every = 0;
    if (options.guest.timeout)
        options.guest.timeout =
            options.guest.timeout > gone + 1000000 ? options.guest.timeout - gone : 1000000;
    if (options.guest.listen.count)
        return error_set(error, ERROR_USAGE,
                         "the guest listens on this machine (--listen %s) and cannot leave it",
                         options.guest.listen.items[0]);
    struct going going = {.dirs = &place->dirs, .text = text, .error = error};
    return options_walk(&options, COMMAND_RESTORE, OPTION_TRAVELS, put_option, &going) &&
           (going.used == place->dirs.count ||
            error_set(error, ERROR_USAGE,
                      "--dir: the guest calls none of its directories what one of these is for"));
}

static bool put_module(struct place *place, const char *module, struct buffer *text,
                       struct buffer *bytes, struct error *error)
{
    uint8_t hash[DIGEST_SIZE];
    char name[2 * DIGEST_SIZE + 1];
    (void)place;
    if (!file_read(module, bytes, error))
        return false;
    digest_of(bytes->data, bytes->size, hash);
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(name + 2 * i, 3, "%02x", hash[i]);
    line_put(text, "module", name);
    return true;
}

static bool abroad_prepare(struct place *place, const char *module, struct error *error)
{
    struct abroad *abroad = place->abroad;
    struct supervisor *supervisor = place->supervisor;
    struct buffer text = {0}, bytes = {0};
    struct message message;
    line_put(&text, "name", supervisor->entry.name);
    line_put(&text, "host", abroad->host);
    line_put(&text, "token", abroad->token);
    line_put(&text, "label", supervisor->entry.module);
    line_put_number(&text, "detach", abroad->detach);
    line_put_number(&text, "link-timeout", abroad->dialogue.link.timeout);
    bool good = put_options(place, &text, error) &&
                (!module || put_module(place, module, &text, &bytes, error));
    buffer_free(&bytes);
    if (good)
        dialogue_ask(&abroad->dialogue, MESSAGE_HELLO, text.data, text.size);
    buffer_free(&text);
    if (!good || !await_message(place, &message, PREPARE_SECONDS, true, error))
        return false;
    if (message.type == MESSAGE_WANT) {
        if (!dialogue_send_file(&abroad->dialogue, module, MESSAGE_MODULE, "", show_progress,
                                supervisor, error))
            return false;
        return await_ok(place, &message, PREPARE_SECONDS, error);
    }
    return message.type == MESSAGE_OK ||
           error_set(error, ERROR_IO, "%s: %s", abroad->ssh.target,
                     message.type == MESSAGE_REFUSED ? (const char *)message.data
                                                     : "an answer that makes no sense");
}

/* How long ago something was there, as a time here. */
static uint64_t time_of(const struct message *message)
{
    uint64_t age = message->size ? line_number((const char *)message->data, "age") : 0;
    return wall_time() - age;
}

static bool abroad_apply(struct place *place, const char *file, uint64_t *when, struct error *error)
{
    struct message message;
    char path[REGISTRY_PATH_MAX];
    struct dialogue *dialogue = &place->abroad->dialogue;
    if (!dialogue_send_file(dialogue, incoming_path(place->supervisor, file, path), MESSAGE_FILE,
                            file, show_progress, place->supervisor, error) ||
        !await_ok(place, &message, PREPARE_SECONDS, error))
        return dialogue->link.cut ? cut(place, error) : false;
    *when = time_of(&message);
    return true;
}

static void let_go(struct place *place, struct message *message, uint64_t *when)
{
    struct supervisor *supervisor = place->supervisor;
    *when = time_of(message);
    if (supervisor->has_input)
        input_take_back(&supervisor->input);
    supervisor->has_input = false;
    link_put(&place->abroad->dialogue.link, MESSAGE_DONE, NULL, 0);
    link_pump(&place->abroad->dialogue.link, 0, false);
}

/* From when GO has been put on the line, only the other machine's word that the guest does not run
 * there lets it go on here. */
static enum gone abroad_go(struct place *place, uint64_t *when, struct error *error)
{
    struct abroad *abroad = place->abroad;
    struct message message;
    dialogue_ask(&abroad->dialogue, MESSAGE_GO, NULL, 0);
    if (await_message(place, &message, ANSWER_SECONDS, false, error)) {
        if (message.type == MESSAGE_RUNNING) {
            let_go(place, &message, when);
            return GONE_RUNS;
        }
        if (message.type == MESSAGE_REFUSED) {
            error_set(error, ERROR_IO, "%s: %s", abroad->ssh.target, (const char *)message.data);
            return GONE_NOT;
        }
    }
    abroad->dialogue.link.cut =
        true; /* one word is enough: none of the old connection counts now */
    enum gone gone = ssh_ask(&abroad->ssh, abroad->token, abroad->dialogue.link.timeout, error);
    *when = wall_time();
    abroad->dialogue.runs = gone == GONE_RUNS;
    if (gone == GONE_UNKNOWN)
        error_set(error, ERROR_IO,
                  "%.100s was told to go on with the guest and cannot be reached since; `yado "
                  "receive --ask %s` there tells whether it runs (state=revoked: it never will)",
                  abroad->ssh.target, abroad->token);
    return gone;
}

static void abroad_abandon(struct place *place)
{
    (void)place; /* closing the connection says so */
}

/* ---- a guest that is there */

static void ask_snapshot(struct dialogue *dialogue, const struct wanted *wanted)
{
    struct buffer text = {0};
    line_put(&text, "file", wanted->file);
    line_put(&text, "base", wanted->base);
    line_put_number(&text, "hold", wanted->hold);
    line_put_number(&text, "embed-module", wanted->embed_module);
    line_put_number(&text, "files", wanted->files);
    for (uint32_t i = 0; i < wanted->embed.count; i++)
        line_put(&text, "embed", wanted->embed.items[i]);
    dialogue_ask(dialogue, MESSAGE_SNAPSHOT, text.data, text.size);
    buffer_free(&text);
}

/* The snapshot itself, no more of it than was told. */
static bool fetch(struct place *place, const char *file, uint64_t size, struct error *error)
{
    struct dialogue *dialogue = &place->abroad->dialogue;
    struct message message;
    char path[REGISTRY_PATH_MAX];
    dialogue->parts_error.kind = ERROR_NONE;
    if (!parts_begin(&dialogue->parts, incoming_path(place->supervisor, "arriving", path), size,
                     error)) {
        dialogue_forget(dialogue);
        return false;
    }
    bool good = await_message(place, &message, PREPARE_SECONDS, true, error) &&
                (message.type == MESSAGE_FILE ||
                 error_set(error, ERROR_IO, "%s: %s", place->abroad->ssh.target,
                           (const char *)message.data));
    if (good && dialogue->parts_error.kind != ERROR_NONE) {
        *error = dialogue->parts_error;
        good = false;
    }
    if (good)
        good = parts_end(&dialogue->parts, incoming_path(place->supervisor, file, path), error);
    parts_drop(&dialogue->parts);
    return good;
}

static bool abroad_snapshot(struct place *place, const struct wanted *wanted, struct taken *taken,
                            struct error *error)
{
    struct message message;
    ask_snapshot(&place->abroad->dialogue, wanted);
    if (!await_ok(place, &message, ANSWER_SECONDS, error))
        return false;
    taken->size = line_number((const char *)message.data, "size");
    taken->nanoseconds = line_number((const char *)message.data, "nanoseconds");
    taken->stopped = time_of(&message);
    if (!fetch(place, wanted->file, taken->size, error))
        return false;
    /* before the guest writes anything here */
    return !wanted->hold || flush_output(place) ||
           error_set(error, ERROR_IO, "`yado migrate` was ended");
}

static bool abroad_resume(struct place *place, struct error *error)
{
    struct message message;
    if (place->abroad->dialogue.ended)
        return true;
    dialogue_ask(&place->abroad->dialogue, MESSAGE_RESUME, NULL, 0);
    return await_ok(place, &message, ANSWER_SECONDS, error);
}

/* Its output comes before the answer, and what it has not read of its input. */
static void abroad_leave(struct place *place)
{
    struct abroad *abroad = place->abroad;
    struct message message;
    struct error error;
    struct buffer *waiting = &place->supervisor->input.waiting;
    abroad->leaving = true;
    dialogue_ask(&abroad->dialogue, MESSAGE_LEAVE, NULL, 0);
    await_message(place, &message, ANSWER_SECONDS, false, &error);
    buffer_put(&abroad->dialogue.returned, waiting->data, waiting->size);
    buffer_free(waiting);
    *waiting = abroad->dialogue.returned;
    abroad->dialogue.returned = (struct buffer){0};
    abroad->dialogue.ended = true;
}

static bool abroad_has_ended(struct place *place)
{
    struct abroad *abroad = place->abroad;
    return abroad->dialogue.ended || abroad->dialogue.link.cut ||
           (abroad->detach && abroad->dialogue.runs);
}

bool abroad_is_cut(const struct place *place)
{
    return place->abroad && place->abroad->dialogue.link.cut;
}

static void abroad_signal(struct place *place, int number)
{
    struct dialogue *dialogue = &place->abroad->dialogue;
    if (dialogue->runs && !dialogue->ended)
        link_put(&dialogue->link, MESSAGE_SIGNAL, &(uint8_t){(uint8_t)number}, 1);
}

/* The output of a guest that has ended waits for its reader as long as that takes, unless a signal
 * comes. */
static int abroad_exit_code(struct place *place, FILE *errors)
{
    struct abroad *abroad = place->abroad;
    if (abroad->dialogue.ended) {
        flush_output(place);
        return abroad->dialogue.exit_code;
    }
    if (abroad->detach && !abroad->dialogue.link.cut)
        return EXIT_CHECKPOINTED;
    print_line(errors,
               "yado: the connection to %s is cut; the guest that ran there is stopped there and "
               "kept: `yado receive --ask %s` there tells where",
               abroad->ssh.target, abroad->token);
    return EXIT_FAILED;
}

/* ---- streams */

/* How much of this process's own input may be read now. */
static size_t input_room(const struct supervisor *supervisor)
{
    const struct abroad *abroad = supervisor->place->abroad;
    size_t used = supervisor->input.waiting.size + (abroad ? abroad->dialogue.on_way : 0);
    bool pumped = supervisor->has_input || (abroad && abroad->dialogue.runs && !abroad->detach);
    return pumped && !supervisor->input.ended && used < INPUT_WINDOW ? INPUT_WINDOW - used : 0;
}

static void read_input(struct supervisor *supervisor)
{
    uint8_t bytes[4096];
    size_t room = input_room(supervisor);
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    if (!room || poll(&ready, 1, 0) <= 0)
        return;
    ssize_t size = read(STDIN_FILENO, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (size > 0)
        buffer_put(&supervisor->input.waiting, bytes, (size_t)size);
    else if (size == 0 || (errno != EINTR && errno != EAGAIN))
        supervisor->input.ended = true;
}

static void send_input(struct supervisor *supervisor)
{
    struct abroad *abroad = supervisor->place->abroad;
    struct dialogue *dialogue = &abroad->dialogue;
    struct input *input = &supervisor->input;
    if (!dialogue->runs || abroad->detach || dialogue->ended || abroad->leaving)
        return;
    dialogue_send_input(dialogue, &input->waiting);
    if (input->ended && input->waiting.size == 0 && !abroad->input_ended) {
        abroad->input_ended = true;
        link_put(&dialogue->link, MESSAGE_INPUT_END, NULL, 0);
    }
}

nfds_t abroad_waits(struct supervisor *supervisor, struct pollfd *waits, int *timeout)
{
    struct abroad *abroad = supervisor->place->abroad;
    nfds_t count = 0;
    if (input_room(supervisor))
        waits[count++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    if (supervisor->has_input && supervisor->input.waiting.size)
        waits[count++] = (struct pollfd){.fd = supervisor->input.pipe[1], .events = POLLOUT};
    if (!abroad)
        return count;
    *timeout = 200;
    if (dialogue_reads(&abroad->dialogue))
        waits[count++] = (struct pollfd){.fd = abroad->dialogue.link.in, .events = POLLIN};
    for (int i = 0; i < 2; i++)
        if (abroad->dialogue.output[i].size)
            waits[count++] = (struct pollfd){.fd = i + 1, .events = POLLOUT};
    return count;
}

void abroad_service(struct supervisor *supervisor)
{
    struct place *place = supervisor->place, *coming = supervisor->coming;
    read_input(supervisor);
    if (supervisor->has_input)
        input_write(&supervisor->input);
    if (place->abroad) {
        send_input(supervisor);
        service_link(place);
    }
    if (coming && coming->abroad)
        service_link(coming);
}

const struct place_kind abroad_kind = {
    abroad_snapshot, abroad_resume,  abroad_leave,     abroad_prepare, abroad_apply,
    abroad_go,       abroad_abandon, abroad_has_ended, abroad_signal,  abroad_exit_code};
