/* receive.c - `yado receive`: the other end of `yado migrate --to`. Speaks link.h over its standard
 * input and output, starts the guest that comes, has its streams, and ends with it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "cli/commands.h"
#include "cli/native/keep.h"
#include "cli/native/lines.h"
#include "cli/native/receiver.h"
#include "cli/native/sealing.h"
#include "cli/native/supervisor.h"
#include "cli/native/verdict.h"
#include "cli/play.h"
#include "cli/print.h"
#include "guest/hold.h"
#include "host/host.h"

#define FIRST_TIMEOUT 60000000000u /* until HELLO says how long silence may be */

/* ---- the guest's streams */

static void keep_output(struct receiver *receiver, int which, const uint8_t *data, size_t size)
{
    static const char *const suffix[] = {"out", "err"};
    char file[256], path[PATH_ROOM];
    if (receiver->kept[which] < 0) {
        snprintf(file, sizeof file, "%s-%.8s.%s", receiver->name, receiver->token, suffix[which]);
        if (keep_path(file, path, NULL))
            receiver->kept[which] =
                open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (receiver->kept[which] >= 0)
        (void)!write(receiver->kept[which], data, size);
}

/* Reads what the guest has written, without waiting. True when there was something. */
static bool take_output(struct receiver *receiver, int which)
{
    uint8_t bytes[16384];
    int *from = &receiver->output[which];
    if (*from < 0 || (!receiver->link.cut && link_queued(&receiver->link) > OUTPUT_WINDOW))
        return false;
    ssize_t size = read(*from, bytes, sizeof bytes);
    if (size == 0) {
        close(*from);
        *from = -1;
    }
    if (size <= 0)
        return false;
    if (receiver->link.cut)
        keep_output(receiver, which, bytes, (size_t)size);
    else
        link_put(&receiver->link, which ? MESSAGE_ERRORS : MESSAGE_OUTPUT, bytes, (size_t)size);
    return true;
}

bool receiver_take_output(struct receiver *receiver)
{
    bool some = take_output(receiver, 0);
    return take_output(receiver, 1) || some;
}

static void service(struct supervisor *supervisor)
{
    struct receiver *receiver = (struct receiver *)supervisor; /* its first member */
    uint8_t number[4];
    if (receiver->registered)
        supervisor_tidy(supervisor);
    size_t taken = input_write(&supervisor->input);
    put_le32(number, (uint32_t)taken);
    if (taken)
        link_put(&receiver->link, MESSAGE_TAKEN, number, sizeof number);
    receiver_take_output(receiver);
    link_pump(&receiver->link, 0, true);
}

void receiver_flush(struct receiver *receiver)
{
    while (link_queued(&receiver->link) && link_pump(&receiver->link, 100, true))
        ;
}

void receiver_answer_age(struct receiver *receiver, enum message_type type, uint64_t when)
{
    struct buffer text = {0};
    line_put_number(&text, "age", wall_time() - when);
    link_put_text(&receiver->link, type, &text);
    buffer_free(&text);
}

void receiver_settle(struct receiver *receiver, const char *format, ...)
{
    struct buffer text = {0};
    char *then = NULL;
    va_list list;
    if (receiver->stage != STAGE_STARTED && (receiver->alone || !receiver->link.cut)) {
        verdict_forget(receiver->token);
        return;
    }
    va_start(list, format);
    bool good = vasprintf(&then, format, list) >= 0;
    va_end(list);
    line_put(&text, "state", "started");
    line_put(&text, "then", good ? then : "there was no memory to say what became of it");
    buffer_put_u8(&text, 0);
    if (good)
        free(then);
    if (!text.failed)
        verdict_write(receiver->token, (const char *)text.data);
    buffer_free(&text);
}

static bool take_input(struct receiver *receiver, const struct message *message)
{
    struct input *input = &receiver->supervisor.input;
    if (input->ended || input->waiting.size + message->size > INPUT_MAX)
        return error_set(&receiver->error, ERROR_USAGE, "more input than there is room for");
    buffer_put(&input->waiting, message->data, message->size);
    return true;
}

static bool end_input(struct receiver *receiver, const struct message *message)
{
    (void)message;
    receiver->supervisor.input.ended = true;
    return true;
}

static bool pass_signal(struct receiver *receiver, const struct message *message)
{
    static const uint8_t passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    if (!memchr(passed, message->data[0], sizeof passed))
        return error_set(&receiver->error, ERROR_USAGE, "a signal that is not passed on");
    receiver->place->kind->signal(receiver->place, message->data[0]);
    return true;
}

/* ---- the table of stages and messages */

#define IN(stage) (1u << (stage))
#define RUNNING   (IN(STAGE_RUNS) | IN(STAGE_HELD))

/* What may come in which stages, of how many bytes, who handles it, and what the stage is then.
 * HELLO, FILE and SNAPSHOT lead to more than one: their handlers say which. A part of a stream
 * leaves it as it is, and has no answer. */
enum { AS_HANDLED = -1, STREAM = -2 };

static const struct rule {
    enum message_type type;
    unsigned stages;
    uint32_t least, most;
    bool (*handle)(struct receiver *receiver, const struct message *message);
    int next;
} rules[] = {
    /* clang-format off */
    {MESSAGE_HELLO,     IN(STAGE_GREETED),   1, HELLO_MAX,    arriving_hello,   AS_HANDLED},
    {MESSAGE_PART,      IN(STAGE_MODULE),    1, PART_MAX,     arriving_part,    STAGE_MODULE},
    {MESSAGE_MODULE,    IN(STAGE_MODULE),    0, 0,            arriving_module,  STAGE_SNAPSHOTS},
    {MESSAGE_PART,      IN(STAGE_SNAPSHOTS), 1, PART_MAX,     arriving_part,    STAGE_SNAPSHOTS},
    {MESSAGE_FILE,      IN(STAGE_SNAPSHOTS), 1, 5,            arriving_file,    AS_HANDLED},
    {MESSAGE_GO,        IN(STAGE_READY),     0, 0,            arriving_go,      STAGE_STARTED},
    {MESSAGE_DONE,      IN(STAGE_STARTED),   0, 0,            arriving_done,    STAGE_RUNS},
    {MESSAGE_INPUT,     RUNNING,             1, INPUT_MAX,    take_input,       STREAM},
    {MESSAGE_INPUT_END, RUNNING,             0, 0,            end_input,        STREAM},
    {MESSAGE_SIGNAL,    RUNNING,             1, 1,            pass_signal,      STREAM},
    {MESSAGE_SNAPSHOT,  IN(STAGE_RUNS),      1, SNAPSHOT_MAX, leaving_snapshot, AS_HANDLED},
    {MESSAGE_RESUME,    RUNNING,             0, 0,            leaving_resume,   STAGE_RUNS},
    {MESSAGE_LEAVE,     IN(STAGE_HELD),      0, 0,            leaving_leave,    STAGE_OVER},
    /* clang-format on */
};

static const struct rule *rule_for(const struct receiver *receiver, const struct message *message)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].type == message->type && (rules[i].stages & IN(receiver->stage)) &&
            message->size >= rules[i].least && message->size <= rules[i].most)
            return &rules[i];
    return NULL;
}

static void refuse(struct receiver *receiver)
{
    link_put(&receiver->link, MESSAGE_REFUSED, receiver->error.message,
             strlen(receiver->error.message));
    receiver_flush(receiver);
}

/* Who says what makes no sense here is not trusted any further: the connection counts as cut. */
static void distrust(struct receiver *receiver)
{
    refuse(receiver);
    link_distrust(&receiver->link);
}

static void take_message(struct receiver *receiver, const struct message *message)
{
    const struct rule *rule = rule_for(receiver, message);
    if (!rule) {
        error_set(&receiver->error, ERROR_USAGE, "a message that makes no sense now");
        distrust(receiver);
    } else if (rule->handle(receiver, message)) {
        receiver->stage = rule->next < 0 ? receiver->stage : (enum stage)rule->next;
    } else if (rule->next == STREAM) {
        distrust(receiver);
    } else {
        refuse(receiver);
        if (!receiver->started)
            receiver->stage = STAGE_OVER;
    }
}

/* ---- all of it */

static void say_exit(struct receiver *receiver)
{
    uint8_t number[4];
    char *text = NULL;
    size_t size = 0;
    FILE *errors = open_memstream(&text, &size);
    int code = receiver->place->kind->exit_code(receiver->place, errors ? errors : stderr);
    if (errors && fclose(errors) == 0 && size > 0)
        link_put(&receiver->link, MESSAGE_ERRORS, text, size < MESSAGE_MAX ? size : MESSAGE_MAX);
    free(text);
    put_le32(number, (uint32_t)code);
    link_put(&receiver->link, MESSAGE_EXIT, number, sizeof number);
    receiver_flush(receiver);
    receiver_settle(receiver, "it ended with %d", code);
    receiver->finished = true;
}

/* And where it came from it is known that it ran: before, an exit code would answer nothing there. */
static bool has_ended(struct receiver *receiver)
{
    return receiver->started && receiver->stage != STAGE_STARTED &&
           receiver->place->kind->has_ended(receiver->place) && receiver->output[0] < 0 &&
           receiver->output[1] < 0;
}

static void wait_for_something(struct receiver *receiver)
{
    struct link *link = &receiver->link;
    struct input *input = &receiver->supervisor.input;
    struct pollfd waits[5] = {{.fd = link->cut ? -1 : link->in, .events = POLLIN}};
    nfds_t count = 1;
    if (!link->cut && link_queued(link))
        waits[count++] = (struct pollfd){.fd = link->out, .events = POLLOUT};
    for (int i = 0; i < 2; i++)
        if (receiver->output[i] >= 0 && link_queued(link) <= OUTPUT_WINDOW)
            waits[count++] = (struct pollfd){.fd = receiver->output[i], .events = POLLIN};
    if (input->waiting.size && input->pipe[1] >= 0)
        waits[count++] = (struct pollfd){.fd = input->pipe[1], .events = POLLOUT};
    bool ended = receiver->prepared && receiver->place->kind->has_ended(receiver->place);
    poll(waits, count, ended ? 1 : 100);
}

/* Messages until the guest has ended or nobody sends any. */
static void serve(struct receiver *receiver)
{
    struct message message;
    while (!receiver->finished && !receiver->alone && !receiver->link.cut) {
        wait_for_something(receiver);
        service(&receiver->supervisor);
        while (!receiver->finished && !receiver->alone && receiver->stage != STAGE_OVER &&
               link_next(&receiver->link, &message))
            take_message(receiver, &message);
        if (has_ended(receiver) && !receiver->finished)
            say_exit(receiver);
        if (receiver->stage == STAGE_OVER)
            receiver->finished = true;
    }
}

void receiver_run(struct receiver *receiver, const struct receiver_world *world,
                  const struct list *roots, int in, int out)
{
    uint64_t now = host_monotonic();
    *receiver = (struct receiver){.supervisor = {.command = COMMAND_RESTORE,
                                                 .client = -1,
                                                 .service = service,
                                                 .input = {.pipe = {-1, -1}},
                                                 .output = -1,
                                                 .errors = -1,
                                                 .begun = now},
                                  .world = world,
                                  .roots = roots,
                                  .place = calloc(1, sizeof(struct place)),
                                  .link = {.in = in,
                                           .out = out,
                                           .timeout = FIRST_TIMEOUT,
                                           .heard = now,
                                           .said = now,
                                           .greeted = true},
                                  .parts = {.file = -1},
                                  .output = {-1, -1},
                                  .kept = {-1, -1},
                                  .life = -1,
                                  .error = {.offset = ERROR_NO_OFFSET}};
    receiver->supervisor.options = &receiver->options;
    if (!receiver->place)
        return;
    receiver->place->kind = world->kind;
    receiver->place->supervisor = &receiver->supervisor;
    buffer_put(&receiver->link.sending, GREETING, strlen(GREETING));
    serve(receiver);
    if (receiver->alone || receiver->finished)
        return;
    receiver->alone = receiver->detach && receiver->started;
    if (receiver->alone)
        world->detach(receiver); /* whether that is known there or not */
    else
        leaving_lost(receiver);
}

static void close_all(struct receiver *receiver)
{
    for (int i = 0; i < 2; i++) {
        if (receiver->output[i] >= 0)
            close(receiver->output[i]);
        if (receiver->kept[i] >= 0)
            close(receiver->kept[i]);
    }
    if (receiver->supervisor.output >= 0 && receiver->detach)
        close(receiver->supervisor.output);
    input_close(&receiver->supervisor.input);
    buffer_free(&receiver->link.received);
    buffer_free(&receiver->link.payload);
    buffer_free(&receiver->link.sending);
}

void receiver_free(struct receiver *receiver)
{
    parts_drop(&receiver->parts);
    if (receiver->prepared && !receiver->alone)
        receiver->place->kind->abandon(receiver->place);
    if (!receiver->alone)
        free(receiver->place);
    if (receiver->output_path[0] && !receiver->started)
        unlink(receiver->output_path);
    if (receiver->registered)
        registry_remove(&receiver->supervisor.entry);
    verdict_end(receiver->token, receiver->life);
    close_all(receiver);
    options_free(&receiver->options);
    lines_free(&receiver->arguments);
    buffer_free(&receiver->hello);
}

/* ---- this machine */

/* Makes what the guest runs in: its sealed module, or Yadokari, compiled for the host. */
static bool make_ready(struct receiver *receiver)
{
    const struct host *host = receiver->place->host;
    struct arguments arguments = {0};
    struct buffer bytes = {0};
    char sealed[PATH_ROOM] = "";
    bool good = true;
    if (receiver->options.tier == TIER_SEALED && receiver->module[0])
        good =
            file_read(receiver->module, &bytes, &receiver->error) &&
            sealed_module(host, receiver->module, (struct span){bytes.data, (uint32_t)bytes.size},
                          0, sealed, &receiver->error);
    good =
        good && host_command(host, sealed[0] ? sealed : NULL, NULL, &arguments, &receiver->error);
    arguments_free(&arguments);
    buffer_free(&bytes);
    return good;
}

/* That takes longer than a connection may be silent. */
static bool ready_host(struct receiver *receiver)
{
    struct runner runner = {0};
    const int streams[3] = {-1, STDERR_FILENO, -1}; /* its output is the connection */
    if (!receiver->place->host)
        return true;
    if (!process_fork(streams, &runner.pid, &receiver->error))
        return false;
    if (runner.pid == 0)
        _exit(make_ready(receiver) ? 0 : 1);
    while (!runner_has_ended(&runner) && link_pump(&receiver->link, 20, true))
        ;
    runner_end(&runner, 0);
    return make_ready(receiver); /* it is ready now, or says once more why not */
}

static void detach(struct receiver *receiver)
{
    struct supervisor *supervisor = &receiver->supervisor;
    setsid();
    signal(SIGHUP, SIG_IGN);
    dup2(supervisor->input.pipe[0], STDIN_FILENO);
    dup2(supervisor->output, STDOUT_FILENO);
    dup2(supervisor->output, STDERR_FILENO);
    close(supervisor->output);
    supervisor->output = supervisor->errors = -1; /* this process's own from now on */
}

/* The roots of guests' directories are those that --dir names here. */
static bool read_roots(const struct options *options, struct list *roots, struct error *error)
{
    roots->items = calloc(options->guest.ndirs + 1, sizeof *roots->items);
    if (!roots->items)
        return error_set(error, ERROR_MEMORY, "no memory for the directories");
    for (; roots->count < options->guest.ndirs; roots->count++)
        roots->items[roots->count] = options->guest.dirs[roots->count].host_path;
    return true;
}

static bool receive(const struct options *options, struct error *error)
{
    static const struct receiver_world world = {&local_kind, ready_host, detach};
    static struct receiver receiver; /* its place points into it, also when it is alone */
    struct list roots = {0};
    if (!read_roots(options, &roots, error))
        return false;
    signal(SIGPIPE, SIG_IGN);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    receiver_run(&receiver, &world, &roots, STDIN_FILENO, STDOUT_FILENO);
    if (receiver.alone) {
        supervise_alone(&receiver.supervisor);
        receiver_settle(&receiver, "it has ended, or was moved on from there");
    }
    receiver_free(&receiver);
    free(roots.items);
    return true;
}

static bool ask(const char *token, struct error *error)
{
    struct buffer text = {0};
    bool good = verdict_ask(token, &text, error);
    for (char *line = good ? strtok((char *)text.data, "\n") : NULL; line;
         line = strtok(NULL, "\n"))
        print_line(stdout, "%s", line);
    buffer_free(&text);
    return good;
}

int command_receive(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_RECEIVE, argc, argv, &error);
    if (good && options.help)
        options_help(COMMAND_RECEIVE);
    else if (good && options.ask)
        good = ask(options.ask, &error);
    else if (good)
        good = receive(&options, &error);
    if (!good)
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    options_free(&options);
    return exit_code;
}
