/* receive.c - `yado receive`: the other end of `yado migrate --to`. Speaks link.h over its standard
 * input and output, starts the guest that comes, has its streams, and ends with it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/file.h"
#include "cli/native/keep.h"
#include "cli/native/lines.h"
#include "cli/native/link.h"
#include "cli/native/supervisor.h"
#include "cli/native/verdict.h"
#include "cli/session.h"
#include "cli/standby.h"
#include "host/host.h"

#define OUTPUT_WINDOW 262144u

struct receiver {
    struct supervisor supervisor;
    struct place *place;
    struct link link;
    struct options options;
    struct buffer hello;   /* its lines */
    struct list arguments; /* those that became options */
    char name[128], label[1024], token[40], host[64];
    char module[1024];   /* its file, "" when it travels in the snapshot */
    char snapshot[1024]; /* of --every */
    int arriving;        /* what comes in PARTs, or -1 */
    char arriving_path[1100];
    int output[2]; /* what the guest writes, -1 when it has ended that */
    int kept[2];   /* where that goes when nobody listens, or -1 */
    bool detach;
    bool registered;
    bool told;     /* it was told to go; perhaps it could not */
    bool started;  /* it was told to go, and went */
    bool held;     /* it is about to leave */
    bool alone;    /* detached, and known to be here: it may be moved from here */
    bool finished; /* nothing is left to do */
    struct error error;
};

/* ---- streams */

static void keep_output(struct receiver *receiver, int which, const uint8_t *data, size_t size)
{
    static const char *const suffix[] = {"out", "err"};
    char file[256], path[1024];
    if (receiver->kept[which] < 0) {
        snprintf(file, sizeof file, "%.100s-%.8s.%s", receiver->name, receiver->token,
                 suffix[which]);
        if (keep_path(file, path, NULL))
            receiver->kept[which] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
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

static void put_taken(struct receiver *receiver, size_t size)
{
    uint8_t number[4];
    put_le32(number, (uint32_t)size);
    if (size)
        link_put(&receiver->link, MESSAGE_TAKEN, number, sizeof number);
}

static void service(struct supervisor *supervisor)
{
    struct receiver *receiver = (struct receiver *)supervisor; /* its first member */
    put_taken(receiver, input_write(&supervisor->input));
    for (int i = 0; i < 2; i++)
        take_output(receiver, i);
    supervisor_tidy(supervisor);
    link_pump(&receiver->link, 0, true);
}

/* Until all of it is on its way. */
static void flush(struct receiver *receiver)
{
    while (link_queued(&receiver->link) && link_pump(&receiver->link, 100, true))
        ;
}

/* ---- answers */

static void refuse(struct receiver *receiver)
{
    link_put(&receiver->link, MESSAGE_REFUSED, receiver->error.message,
             strlen(receiver->error.message));
}

static void answer_age(struct receiver *receiver, enum message_type type, uint64_t when)
{
    struct buffer text = {0};
    line_put_number(&text, "age", wall_time() - when);
    link_put_text(&receiver->link, type, &text);
    buffer_free(&text);
}

/* ---- HELLO: who comes */

static void add_argument(void *context, const char *value)
{
    struct list *list = context;
    const char **longer = realloc(list->items, (list->count + 1) * sizeof *longer);
    if (longer) {
        list->items = longer;
        longer[list->count++] = strdup(value);
    }
}

static bool check_directories(struct receiver *receiver)
{
    const struct options *options = &receiver->options;
    for (uint32_t i = 0; i < options->ndirs; i++) {
        struct stat stat_;
        const char *path = options->dirs[i].host_path;
        if (stat(path, &stat_) != 0 || !S_ISDIR(stat_.st_mode))
            return error_set(&receiver->error, ERROR_USAGE,
                             "there is no directory %s for the guest's %s (name another by --dir "
                             "DIRECTORY::%s)",
                             path, options->dirs[i].guest_path, options->dirs[i].guest_path);
    }
    return true;
}

/* Compiling Yadokari for a host takes longer than a connection may be silent. */
static bool prepare_host(struct receiver *receiver)
{
    struct arguments arguments = {0};
    struct runner runner = {0};
    const int streams[3] = {-1, -1, -1};
    if (!receiver->place->host)
        return true;
    if (!process_fork(streams, &runner.pid, &receiver->error))
        return false;
    if (runner.pid == 0)
        _exit(host_command(receiver->place->host, NULL, NULL, &arguments, &receiver->error) ? 0
                                                                                            : 1);
    while (!runner_has_ended(&runner) && link_pump(&receiver->link, 20, true))
        ;
    runner_end(&runner, 0);
    /* it is ready now, or says once more why not */
    bool good = host_command(receiver->place->host, NULL, NULL, &arguments, &receiver->error);
    arguments_free(&arguments);
    return good;
}

/* Those of --every lie where those do that nobody fetched (keep.h). */
static bool place_snapshots(struct receiver *receiver)
{
    char file[256];
    if (!receiver->options.every)
        return true;
    snprintf(file, sizeof file, "%.100s-%.8s.every.snap", receiver->name, receiver->token);
    receiver->options.snapshot = receiver->snapshot;
    return keep_path(file, receiver->snapshot, &receiver->error);
}

static bool read_hello(struct receiver *receiver)
{
    const char *lines = (const char *)receiver->hello.data;
    struct error *error = &receiver->error;
    receiver->link.timeout = line_number(lines, "link-timeout");
    receiver->detach = line_number(lines, "detach");
    if (!file_value(lines, "name", receiver->name, sizeof receiver->name) ||
        !file_value(lines, "host", receiver->host, sizeof receiver->host) ||
        !file_value(lines, "token", receiver->token, sizeof receiver->token) ||
        strspn(receiver->token, "0123456789abcdef") != 32 || receiver->token[32])
        return error_set(error, ERROR_USAGE, "a greeting that makes no sense");
    file_value(lines, "label", receiver->label, sizeof receiver->label);
    lines_of(lines, "option", add_argument, &receiver->arguments);
    if (strcmp(receiver->host, "native") != 0 &&
        !(receiver->place->host = host_named(receiver->host, error)))
        return false;
    snprintf(receiver->place->name, sizeof receiver->place->name, "%s", receiver->host);
    return options_parse(&receiver->options, COMMAND_RESTORE, (int)receiver->arguments.count,
                         receiver->arguments.items, error) &&
           place_snapshots(receiver) && check_directories(receiver) && prepare_host(receiver);
}

/* ---- its module */

static bool open_arriving(struct receiver *receiver)
{
    receiver->arriving =
        open(receiver->arriving_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return receiver->arriving >= 0 || error_set(&receiver->error, ERROR_IO, "cannot create %s: %s",
                                                receiver->arriving_path, strerror(errno));
}

static void close_arriving(struct receiver *receiver)
{
    if (receiver->arriving >= 0)
        close(receiver->arriving);
    receiver->arriving = -1;
}

static bool is_module(const char *path, const char *wanted)
{
    struct buffer bytes = {0};
    uint8_t hash[DIGEST_SIZE];
    char name[2 * DIGEST_SIZE + 1] = "";
    if (file_read(path, &bytes, NULL)) {
        digest_of(bytes.data, bytes.size, hash);
        for (size_t i = 0; i < DIGEST_SIZE; i++)
            snprintf(name + 2 * i, 3, "%02x", hash[i]);
    }
    buffer_free(&bytes);
    return strcmp(name, wanted) == 0;
}

/* ---- its process */

static bool open_streams(struct receiver *receiver, int ends[2])
{
    struct supervisor *supervisor = &receiver->supervisor;
    struct error *error = &receiver->error;
    char file[256], path[1024];
    supervisor->has_input = true;
    if (receiver->detach) {
        snprintf(file, sizeof file, "%.100s-%.8s.log", receiver->name, receiver->token);
        if (!keep_path(file, path, error))
            return false;
        ends[0] = ends[1] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        supervisor->input.pipe[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return ends[0] >= 0 ||
               error_set(error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
    }
    if (!input_open(&supervisor->input, error))
        return false;
    for (int i = 0; i < 2; i++) {
        int pipe_[2];
        if (pipe2(pipe_, O_CLOEXEC) != 0)
            return error_set(error, ERROR_IO, "cannot make a pipe: %s", strerror(errno));
        fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
        receiver->output[i] = pipe_[0];
        ends[i] = pipe_[1];
    }
    return true;
}

static bool make_incoming(struct receiver *receiver)
{
    char path[REGISTRY_PATH_MAX];
    registry_remove_incoming(&receiver->supervisor.entry);
    incoming_path(&receiver->supervisor, "arriving", receiver->arriving_path);
    return mkdir(incoming_path(&receiver->supervisor, "", path), 0700) == 0 ||
           error_set(&receiver->error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
}

/* Under the name that it had, unless one here has that. */
static bool register_guest(struct receiver *receiver)
{
    struct registered *entry = &receiver->supervisor.entry;
    char other[160];
    struct error error;
    receiver->registered =
        registry_add(entry, receiver->name, receiver->host, receiver->label, NULL, &error);
    if (!receiver->registered) {
        snprintf(other, sizeof other, "%.100s-%.8s", receiver->name, receiver->token);
        receiver->registered =
            registry_add(entry, other, receiver->host, receiver->label, NULL, &receiver->error);
    }
    return receiver->registered;
}

static bool start_guest(struct receiver *receiver)
{
    int ends[2] = {-1, -1};
    struct supervisor *supervisor = &receiver->supervisor;
    bool good = register_guest(receiver) && make_incoming(receiver) && open_streams(receiver, ends);
    supervisor->output = ends[0];
    supervisor->errors = ends[1];
    supervisor->place = receiver->place;
    good =
        good && local_kind.prepare(receiver->place, receiver->module[0] ? receiver->module : NULL,
                                   &receiver->error);
    for (int i = 0; i < 2 && !receiver->detach; i++) /* that is a file, for the next move too */
        if (ends[i] >= 0)
            close(ends[i]);
    if (good)
        link_put(&receiver->link, MESSAGE_OK, NULL, 0);
    return good;
}

static bool hello(struct receiver *receiver, const struct message *message)
{
    char hash[2 * DIGEST_SIZE + 1], file[128];
    buffer_put(&receiver->hello, message->data, message->size);
    buffer_put_u8(&receiver->hello, 0);
    if (!read_hello(receiver))
        return false;
    if (!file_value((const char *)receiver->hello.data, "module", hash, sizeof hash))
        return start_guest(receiver);
    if (strspn(hash, "0123456789abcdef") != 2 * DIGEST_SIZE)
        return error_set(&receiver->error, ERROR_USAGE, "a module's hash that is none");
    snprintf(file, sizeof file, "modules/%s.wasm", hash);
    if (!keep_path(file, receiver->module, &receiver->error))
        return false;
    if (is_module(receiver->module, hash))
        return start_guest(receiver);
    snprintf(receiver->arriving_path, sizeof receiver->arriving_path, "%s.%d", receiver->module,
             (int)getpid());
    link_put(&receiver->link, MESSAGE_WANT, NULL, 0);
    return open_arriving(receiver);
}

static bool module_is_there(struct receiver *receiver)
{
    char hash[2 * DIGEST_SIZE + 1] = "";
    close_arriving(receiver);
    file_value((const char *)receiver->hello.data, "module", hash, sizeof hash);
    if (!is_module(receiver->arriving_path, hash)) {
        unlink(receiver->arriving_path);
        return error_set(&receiver->error, ERROR_IO, "the module did not come whole");
    }
    if (rename(receiver->arriving_path, receiver->module) != 0)
        return error_set(&receiver->error, ERROR_IO, "cannot write %s: %s", receiver->module,
                         strerror(errno));
    return start_guest(receiver);
}

/* ---- its state */

static bool part(struct receiver *receiver, const struct message *message)
{
    if (receiver->arriving < 0 && !open_arriving(receiver))
        return false;
    return write(receiver->arriving, message->data, message->size) == (ssize_t)message->size ||
           error_set(&receiver->error, ERROR_IO, "cannot write %s: %s", receiver->arriving_path,
                     strerror(errno));
}

static bool snapshot_is_there(struct receiver *receiver, const struct message *message)
{
    const char *name = (const char *)message->data;
    char to[REGISTRY_PATH_MAX], file[16];
    uint64_t when;
    if (!receiver->place->runner.pid || message->size == 0 || message->size > 6 ||
        (strspn(name, "0123456789") != message->size && strcmp(name, "last") != 0))
        return error_set(&receiver->error, ERROR_USAGE, "a snapshot that nobody waits for");
    snprintf(file, sizeof file, "%s", name);
    close_arriving(receiver);
    if (rename(receiver->arriving_path, incoming_path(&receiver->supervisor, file, to)) != 0)
        return error_set(&receiver->error, ERROR_IO, "cannot write %s: %s", to, strerror(errno));
    if (!local_kind.apply(receiver->place, file, &when, &receiver->error))
        return false;
    answer_age(receiver, MESSAGE_OK, when);
    return true;
}

/* ---- it begins here */

static bool go(struct receiver *receiver)
{
    uint64_t when;
    char path[REGISTRY_PATH_MAX];
    if (!file_exists(incoming_path(&receiver->supervisor, "ready", path)))
        return error_set(&receiver->error, ERROR_USAGE, "the guest is not all there");
    if (!verdict_start(receiver->token, &receiver->error))
        return false;
    receiver->told = true;
    if (local_kind.go(receiver->place, &when, &receiver->error) != GONE_RUNS) {
        verdict_write(receiver->token, "state=failed\n");
        return false;
    }
    receiver->started = true;
    answer_age(receiver, MESSAGE_RUNNING, when);
    return true;
}

/* It is known there that it runs here. */
static void done(struct receiver *receiver)
{
    struct supervisor *supervisor = &receiver->supervisor;
    registry_remove_incoming(&supervisor->entry);
    if (!receiver->detach)
        return;
    verdict_forget(receiver->token);
    setsid();
    signal(SIGHUP, SIG_IGN);
    receiver->link.cut = receiver->alone = true;
    dup2(supervisor->input.pipe[0], STDIN_FILENO);
    dup2(supervisor->output, STDOUT_FILENO);
    dup2(supervisor->output, STDERR_FILENO);
    close(supervisor->output);
    supervisor->output = supervisor->errors = -1; /* this process's own from now on */
}

/* ---- it leaves again */

static bool give_snapshot(struct receiver *receiver, const struct message *message)
{
    struct wanted wanted = {0};
    struct taken taken;
    struct buffer text = {0};
    char *lines = strdup((const char *)message->data), path[REGISTRY_PATH_MAX];
    bool good = lines && receiver->started &&
                file_value(lines, "file", wanted.file, sizeof wanted.file) &&
                strspn(wanted.file, "0123456789last") == strlen(wanted.file);
    if (!good)
        error_set(&receiver->error, ERROR_USAGE, "no snapshot can be taken of what does not run");
    file_value(lines ? lines : "", "base", wanted.base, sizeof wanted.base);
    wanted.hold = line_number(lines ? lines : "", "hold");
    wanted.embed_module = line_number(lines ? lines : "", "embed-module");
    wanted.files = line_number(lines ? lines : "", "files");
    lines_of(lines ? lines : "", "embed", add_argument, &wanted.embed);
    good = good && (wanted.base[0] || make_incoming(receiver)) &&
           local_kind.snapshot(receiver->place, &wanted, &taken, &receiver->error);
    receiver->held = good && wanted.hold;
    while (receiver->held && (take_output(receiver, 0) || take_output(receiver, 1)))
        flush(receiver);
    if (good) {
        line_put_number(&text, "size", taken.size);
        line_put_number(&text, "nanoseconds", taken.nanoseconds);
        line_put_number(&text, "age", wall_time() - taken.stopped);
        link_put_text(&receiver->link, MESSAGE_OK, &text);
        good =
            link_put_file(&receiver->link, incoming_path(&receiver->supervisor, wanted.file, path),
                          MESSAGE_FILE, wanted.file, NULL, NULL, &receiver->error);
    }
    buffer_free(&text);
    free(lines);
    return good;
}

static bool resume(struct receiver *receiver)
{
    receiver->held = false;
    if (!local_kind.resume(receiver->place, &receiver->error))
        return false;
    registry_remove_incoming(&receiver->supervisor.entry);
    link_put(&receiver->link, MESSAGE_OK, NULL, 0);
    return true;
}

static void leave(struct receiver *receiver)
{
    struct buffer *waiting = &receiver->supervisor.input.waiting;
    local_kind.leave(receiver->place);
    input_take_back(&receiver->supervisor.input);
    for (size_t at = 0; at < waiting->size; at += PART_MAX)
        link_put(&receiver->link, MESSAGE_INPUT, waiting->data + at,
                 waiting->size - at < PART_MAX ? waiting->size - at : PART_MAX);
    link_put(&receiver->link, MESSAGE_OK, NULL, 0);
    flush(receiver);
    verdict_forget(receiver->token);
    receiver->finished = true;
}

/* ---- nobody is there any more */

/* The guest that runs or is held is stopped and kept. One that was not told to go never was here.
 */
static void lost(struct receiver *receiver)
{
    struct wanted wanted = {.file = "last", .hold = true, .embed_module = true};
    struct taken taken;
    struct supervisor *supervisor = &receiver->supervisor;
    const char *state = receiver->started ? "started" : "failed";
    char text[1400];
    if (!receiver->told)
        return;
    /* one that is held or could not begin has its snapshots there */
    bool good = receiver->held || !receiver->started ||
                (make_incoming(receiver) &&
                 local_kind.snapshot(receiver->place, &wanted, &taken, &receiver->error));
    while (take_output(receiver, 0) || take_output(receiver, 1))
        ;
    if (good) {
        receiver->error.message[0] = 0;
        keep_snapshot(supervisor, &receiver->error);
        snprintf(text, sizeof text, "state=%s\nthen=%.900s\n", state, receiver->error.message);
    } else if (runner_has_ended(&receiver->place->runner)) {
        snprintf(text, sizeof text, "state=started\nthen=it ended with %d\n",
                 runner_exit_code(&receiver->place->runner, &supervisor->entry));
    } else {
        snprintf(text, sizeof text, "state=started\nthen=it could not be kept: %.600s\n",
                 receiver->error.message);
    }
    verdict_write(receiver->token, text);
}

/* ---- all of it */

static bool handle(struct receiver *receiver, const struct message *message)
{
    struct supervisor *supervisor = &receiver->supervisor;
    switch (message->type) {
    case MESSAGE_HELLO: return hello(receiver, message);
    case MESSAGE_PART: return part(receiver, message);
    case MESSAGE_MODULE: return module_is_there(receiver);
    case MESSAGE_FILE: return snapshot_is_there(receiver, message);
    case MESSAGE_GO: return go(receiver);
    case MESSAGE_SNAPSHOT: return give_snapshot(receiver, message);
    case MESSAGE_RESUME: return resume(receiver);
    case MESSAGE_DONE: done(receiver); return true;
    case MESSAGE_LEAVE: leave(receiver); return true;
    case MESSAGE_INPUT:
        buffer_put(&supervisor->input.waiting, message->data, message->size);
        return true;
    case MESSAGE_INPUT_END: supervisor->input.ended = true; return true;
    case MESSAGE_SIGNAL:
        if (message->size == 1 && receiver->place->runner.pid && !receiver->place->runner.ended)
            kill(receiver->place->runner.pid, message->data[0]);
        return true;
    default: return error_set(&receiver->error, ERROR_USAGE, "a message that makes no sense");
    }
}

static bool has_ended(struct receiver *receiver)
{
    return receiver->place->runner.pid && runner_has_ended(&receiver->place->runner) &&
           receiver->output[0] < 0 && receiver->output[1] < 0;
}

static void say_exit(struct receiver *receiver)
{
    uint8_t number[4];
    put_le32(number,
             (uint32_t)runner_exit_code(&receiver->place->runner, &receiver->supervisor.entry));
    link_put(&receiver->link, MESSAGE_EXIT, number, sizeof number);
    flush(receiver);
    verdict_forget(receiver->token);
    receiver->finished = true;
}

static void wait_for_something(struct receiver *receiver)
{
    struct pollfd waits[5] = {
        {.fd = receiver->link.cut ? -1 : receiver->link.in, .events = POLLIN}};
    nfds_t count = 1;
    bool room = link_queued(&receiver->link) <= OUTPUT_WINDOW;
    if (!receiver->link.cut && link_queued(&receiver->link))
        waits[count++] = (struct pollfd){.fd = receiver->link.out, .events = POLLOUT};
    for (int i = 0; i < 2; i++)
        if (receiver->output[i] >= 0 && room)
            waits[count++] = (struct pollfd){.fd = receiver->output[i], .events = POLLIN};
    if (receiver->supervisor.input.waiting.size && receiver->supervisor.input.pipe[1] >= 0)
        waits[count++] =
            (struct pollfd){.fd = receiver->supervisor.input.pipe[1], .events = POLLOUT};
    poll(waits, count, receiver->place->runner.ended ? 1 : 100);
}

/* Messages until the guest has ended or nobody sends any. */
static void serve(struct receiver *receiver)
{
    struct message message;
    while (!receiver->finished && !receiver->alone &&
           (!receiver->link.cut || (receiver->detach && receiver->started))) {
        wait_for_something(receiver);
        service(&receiver->supervisor);
        while (!receiver->finished && !receiver->alone && link_next(&receiver->link, &message))
            if (!handle(receiver, &message)) {
                refuse(receiver);
                if (!receiver->started)
                    flush(receiver);
            }
        if (has_ended(receiver) && receiver->started)
            say_exit(receiver);
    }
}

static int receive(void)
{
    struct receiver receiver = {.supervisor = {.command = COMMAND_RESTORE,
                                               .client = -1,
                                               .service = service,
                                               .input = {.pipe = {-1, -1}},
                                               .begun = host_monotonic()},
                                .place = calloc(1, sizeof(struct place)),
                                .link = {.in = STDIN_FILENO,
                                         .out = STDOUT_FILENO,
                                         .timeout = 60000000000u,
                                         .heard = host_monotonic(),
                                         .said = host_monotonic(),
                                         .greeted = true},
                                .arriving = -1,
                                .output = {-1, -1},
                                .kept = {-1, -1},
                                .error = {.offset = ERROR_NO_OFFSET}};
    receiver.supervisor.options = &receiver.options;
    if (!receiver.place)
        return EXIT_FAILED;
    receiver.place->kind = &local_kind;
    receiver.place->supervisor = &receiver.supervisor;
    signal(SIGPIPE, SIG_IGN);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    buffer_put(&receiver.link.sending, GREETING, strlen(GREETING));
    serve(&receiver);
    if (receiver.alone)
        supervise_alone(&receiver.supervisor);
    else if (!receiver.finished)
        lost(&receiver);
    close_arriving(&receiver);
    if (!receiver.alone) {
        runner_end(&receiver.place->runner, 0);
        runner_free(&receiver.place->runner);
        free(receiver.place);
    }
    if (receiver.registered)
        registry_remove(&receiver.supervisor.entry);
    return 0;
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
        good = verdict_ask(options.ask, &error);
    else if (good)
        exit_code = receive();
    if (!good)
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    options_free(&options);
    return exit_code;
}
