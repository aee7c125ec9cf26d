#include "cli/native/abroad.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "cli/native/client.h"
#include "cli/native/connection.h"
#include "cli/native/envelopes.h"
#include "cli/native/lines.h"
#include "cli/native/options_walk.h"
#include "cli/native/remote.h"
#include "cli/print.h"
#include "guest/hold.h"
#include "host/host.h"

#define LINK_MILLISECONDS 200 /* how late the connection is looked at, at most */

/* ---- a guest that is to go there */

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    struct supervisor *supervisor = context;
    client_tell(supervisor, "progress", "%llu %llu sending", (unsigned long long)done,
                (unsigned long long)total);
    supervisor->service(supervisor);
}

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
        client_tell(supervisor, "phase", "--trigger stays: %s is a file of this machine",
                    options->snapshots.trigger);
    if (keys)
        client_tell(supervisor, "phase", "%sthe keys stay, and go nowhere",
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
    hex_text(hash, sizeof hash, name);
    line_put(text, "module", name);
    return true;
}

static bool abroad_prepare(struct place *place, const char *module, struct error *error)
{
    struct connection *connection = place->connection;
    struct supervisor *supervisor = place->supervisor;
    struct buffer text = {0}, bytes = {0};
    struct message message;
    line_put(&text, "name", supervisor->entry.name);
    line_put(&text, "host", connection->host);
    line_put(&text, "token", connection->token);
    line_put(&text, "label", supervisor->entry.module);
    line_put_number(&text, "detach", connection->detach);
    line_put_number(&text, "link-timeout", connection->dialogue.link.timeout);
    bool good = put_options(place, &text, error) &&
                (!module || put_module(place, module, &text, &bytes, error));
    buffer_free(&bytes);
    if (good)
        dialogue_ask(&connection->dialogue, MESSAGE_HELLO, text.data, text.size);
    buffer_free(&text);
    if (!good || !connection_await(place, &message, PREPARE_SECONDS, true, error))
        return false;
    if (message.type == MESSAGE_WANT) {
        if (!dialogue_send_file(&connection->dialogue, module, MESSAGE_MODULE, "", show_progress,
                                supervisor, error))
            return false;
        return connection_await_ok(place, &message, PREPARE_SECONDS, error);
    }
    return message.type == MESSAGE_OK ||
           error_set(error, ERROR_IO, "%s: %s", connection->ssh.target,
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
    struct dialogue *dialogue = &place->connection->dialogue;
    if (!dialogue_send_file(dialogue, incoming_path(place->supervisor, file, path), MESSAGE_FILE,
                            file, show_progress, place->supervisor, error) ||
        !connection_await_ok(place, &message, PREPARE_SECONDS, error))
        return dialogue->link.cut ? connection_cut(place, error) : false;
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
    link_put(&place->connection->dialogue.link, MESSAGE_DONE, NULL, 0);
    link_pump(&place->connection->dialogue.link, 0, false);
}

/* From when GO has been put on the line, only the other machine's word that the guest does not run
 * there lets it go on here. */
static enum gone abroad_go(struct place *place, uint64_t *when, struct error *error)
{
    struct connection *connection = place->connection;
    struct message message;
    dialogue_ask(&connection->dialogue, MESSAGE_GO, NULL, 0);
    if (connection_await(place, &message, ANSWER_SECONDS, false, error)) {
        if (message.type == MESSAGE_RUNNING) {
            let_go(place, &message, when);
            return GONE_RUNS;
        }
        if (message.type == MESSAGE_REFUSED) {
            error_set(error, ERROR_IO, "%s: %s", connection->ssh.target,
                      (const char *)message.data);
            return GONE_NOT;
        }
    }
    connection->dialogue.link.cut =
        true; /* one word is enough: none of the old connection counts now */
    enum gone gone =
        ssh_ask(&connection->ssh, connection->token, connection->dialogue.link.timeout, error);
    *when = wall_time();
    connection->dialogue.runs = gone == GONE_RUNS;
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
    struct dialogue *dialogue = &place->connection->dialogue;
    struct message message;
    char path[REGISTRY_PATH_MAX];
    dialogue->parts_error.kind = ERROR_NONE;
    if (!parts_begin(&dialogue->parts, incoming_path(place->supervisor, "arriving", path), size,
                     error)) {
        dialogue_forget(dialogue);
        return false;
    }
    bool good = connection_await(place, &message, PREPARE_SECONDS, true, error) &&
                (message.type == MESSAGE_FILE ||
                 error_set(error, ERROR_IO, "%s: %s", place->connection->ssh.target,
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
    ask_snapshot(&place->connection->dialogue, wanted);
    if (!connection_await_ok(place, &message, ANSWER_SECONDS, error))
        return false;
    taken->size = line_number((const char *)message.data, "size");
    taken->nanoseconds = line_number((const char *)message.data, "nanoseconds");
    taken->stopped = time_of(&message);
    if (!fetch(place, wanted->file, taken->size, error))
        return false;
    /* before the guest writes anything here */
    return !wanted->hold || connection_flush(place) ||
           error_set(error, ERROR_IO, "`yado migrate` was ended");
}

static bool abroad_resume(struct place *place, struct error *error)
{
    struct message message;
    if (place->connection->dialogue.ended)
        return true;
    dialogue_ask(&place->connection->dialogue, MESSAGE_RESUME, NULL, 0);
    return connection_await_ok(place, &message, ANSWER_SECONDS, error);
}

/* Its output comes before the answer, and what it has not read of its input. */
static void abroad_leave(struct place *place)
{
    struct connection *connection = place->connection;
    struct message message;
    struct error error;
    struct buffer *waiting = &place->supervisor->input.waiting;
    connection->leaving = true;
    dialogue_ask(&connection->dialogue, MESSAGE_LEAVE, NULL, 0);
    connection_await(place, &message, ANSWER_SECONDS, false, &error);
    buffer_put(&connection->dialogue.returned, waiting->data, waiting->size);
    buffer_free(waiting);
    *waiting = connection->dialogue.returned;
    connection->dialogue.returned = (struct buffer){0};
    connection->dialogue.ended = true;
}

static bool abroad_has_ended(struct place *place)
{
    struct connection *connection = place->connection;
    return connection->dialogue.ended || connection->dialogue.link.cut ||
           (connection->detach && connection->dialogue.runs);
}

static bool abroad_is_cut(const struct place *place)
{
    return place->connection->dialogue.link.cut;
}

static void abroad_signal(struct place *place, int number)
{
    struct dialogue *dialogue = &place->connection->dialogue;
    if (dialogue->runs && !dialogue->ended)
        link_put(&dialogue->link, MESSAGE_SIGNAL, &(uint8_t){(uint8_t)number}, 1);
}

/* The output of a guest that has ended waits for its reader as long as that takes, unless a signal
 * comes. */
static int abroad_exit_code(struct place *place, FILE *errors)
{
    struct connection *connection = place->connection;
    if (connection->dialogue.ended) {
        connection_flush(place);
        return connection->dialogue.exit_code;
    }
    if (connection->detach && !connection->dialogue.link.cut)
        return EXIT_CHECKPOINTED;
    print_line(
        errors,
        "yado: the connection to %s is cut; the guest that ran there is stopped and kept there, "
        "unless its yado was killed: `yado receive --ask %s` there tells",
        connection->ssh.target, connection->token);
    return EXIT_FAILED;
}

/* ---- what goes on meanwhile */

static bool abroad_passes_input(const struct place *place, size_t *on_way)
{
    const struct connection *connection = place->connection;
    *on_way = connection->dialogue.on_way;
    return connection->dialogue.runs && !connection->detach;
}

static void send_input(struct place *place)
{
    struct connection *connection = place->connection;
    struct dialogue *dialogue = &connection->dialogue;
    struct input *input = &place->supervisor->input;
    if (!dialogue->runs || connection->detach || dialogue->ended || connection->leaving)
        return;
    dialogue_send_input(dialogue, &input->waiting);
    if (input->ended && input->waiting.size == 0 && !connection->input_ended) {
        connection->input_ended = true;
        link_put(&dialogue->link, MESSAGE_INPUT_END, NULL, 0);
    }
}

static nfds_t abroad_waits(struct place *place, struct pollfd waits[PLACE_WAITS], int *timeout)
{
    struct dialogue *dialogue = &place->connection->dialogue;
    nfds_t count = 0;
    *timeout = LINK_MILLISECONDS;
    if (dialogue_reads(dialogue))
        waits[count++] = (struct pollfd){.fd = dialogue->link.in, .events = POLLIN};
    for (int i = 0; i < 2; i++)
        if (dialogue->output[i].size)
            waits[count++] = (struct pollfd){.fd = i + 1, .events = POLLOUT};
    return count;
}

static void abroad_service(struct place *place)
{
    if (place_has_guest(place))
        send_input(place);
    connection_service(place);
}

static const struct place_kind abroad_kind = {.snapshot = abroad_snapshot,
                                              .resume = abroad_resume,
                                              .leave = abroad_leave,
                                              .prepare = abroad_prepare,
                                              .apply = abroad_apply,
                                              .go = abroad_go,
                                              .abandon = abroad_abandon,
                                              .has_ended = abroad_has_ended,
                                              .is_cut = abroad_is_cut,
                                              .signal = abroad_signal,
                                              .exit_code = abroad_exit_code,
                                              .passes_input = abroad_passes_input,
                                              .waits = abroad_waits,
                                              .service = abroad_service,
                                              .close = connection_close};

bool abroad_open(struct place *place, const char *target, const char *host, const char *wish,
                 struct error *error)
{
    place->kind = &abroad_kind;
    snprintf(place->name, sizeof place->name, "%.200s %.60s", target, host);
    return connection_open(place, target, host, wish, error);
}
