/* arriving.c - a guest comes to this machine: who it is, its module, its state, its beginning. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/hex.h"
#include "cli/native/keep.h"
#include "cli/native/lines.h"
#include "cli/native/options_walk.h"
#include "cli/native/receiver.h"
#include "cli/native/verdict.h"
#include "guest/hold.h"

#define OPTIONS_MAX  256u         /* lines of HELLO */
#define MODULE_MOST  (1ull << 30) /* bytes */
#define TIMEOUT_MOST 86400000000000u

/* ---- HELLO: who comes */

/* Nothing but what an option that travels may be: the others name files of this machine. */
static bool check_arguments(struct receiver *receiver)
{
    const struct list *arguments = &receiver->arguments;
    if (arguments->count > OPTIONS_MAX)
        return error_set(&receiver->error, ERROR_USAGE, "more than %u options", OPTIONS_MAX);
    for (uint32_t i = 0; i < arguments->count; i++) {
        if (!option_travels(arguments->items[i]))
            return error_set(&receiver->error, ERROR_USAGE,
                             "%.200s: not an option that goes to another machine",
                             arguments->items[i]);
    }
    return true;
}

static bool lies_in(const char *path, const char *root)
{
    char resolved[PATH_ROOM];
    size_t length = realpath(root, resolved) ? strlen(resolved) : 0;
    return length && strncmp(path, resolved, length) == 0 &&
           (length == 1 || !path[length] || path[length] == '/');
}

/* A directory of the guest's is there, and lies where a guest's may. From now on it is what it is
 * now, whatever becomes of the links in its path. */
static bool check_directory(struct receiver *receiver, struct wasi_preopen *directory)
{
    char path[PATH_ROOM];
    struct stat stat_;
    bool allowed = receiver->roots->count == 0;
    if (!realpath(directory->host_path, path) || stat(path, &stat_) != 0 || !S_ISDIR(stat_.st_mode))
        return error_set(&receiver->error, ERROR_USAGE,
                         "there is no directory %s for the guest's %s (name another by --dir "
                         "DIRECTORY::%s)",
                         directory->host_path, directory->guest_path, directory->guest_path);
    for (uint32_t i = 0; i < receiver->roots->count; i++)
        allowed |= lies_in(path, receiver->roots->items[i]);
    if (!allowed)
        return error_set(&receiver->error, ERROR_USAGE,
                         "%s: not in a directory that is for guests from elsewhere", path);
    char *copy = strdup(path);
    if (!copy)
        return error_set(&receiver->error, ERROR_MEMORY, "no memory for a path");
    free((void *)(uintptr_t)directory->host_path);
    directory->host_path = copy;
    return true;
}

static bool check_directories(struct receiver *receiver)
{
    bool good = true;
    for (uint32_t i = 0; good && i < receiver->options.guest.ndirs; i++)
        good = check_directory(receiver, &receiver->options.guest.dirs[i]);
    return good;
}

/* A path of this guest's in the directory of what is kept (keep.h). */
static bool own_path(struct receiver *receiver, const char *suffix, char path[PATH_ROOM])
{
    char file[256];
    snprintf(file, sizeof file, "%s-%.8s.%s", receiver->name, receiver->token, suffix);
    return keep_path(file, path, &receiver->error);
}

/* Those of --every lie where those do that nobody fetched. */
static bool place_snapshots(struct receiver *receiver)
{
    if (!receiver->options.snapshots.every)
        return true;
    receiver->options.snapshots.snapshot = receiver->snapshot;
    return own_path(receiver, "every.snap", receiver->snapshot);
}

/* What can be a file's name, and is shown as it is. */
static bool is_name(const char *name)
{
    char copy[128];
    size_t length = strlen(name);
    memcpy(copy, name, length + 1);
    return length > 0 && length < 120 && name[0] != '.' && strcspn(name, "/ ") == length &&
           strcmp(clean_string(copy), name) == 0;
}

static bool read_hello(struct receiver *receiver)
{
    const char *lines = (const char *)receiver->hello.data;
    uint64_t timeout = line_number(lines, "link-timeout");
    receiver->detach = line_number(lines, "detach");
    if (!file_value(lines, "name", receiver->name, sizeof receiver->name) ||
        !is_name(receiver->name) ||
        !file_value(lines, "host", receiver->host, sizeof receiver->host) ||
        !file_value(lines, "token", receiver->token, sizeof receiver->token) ||
        !hex_is(receiver->token, 32) || timeout == 0 || timeout > TIMEOUT_MOST)
        return error_set(&receiver->error, ERROR_USAGE, "a greeting that makes no sense");
    receiver->link.timeout = timeout;
    file_value(lines, "label", receiver->label, sizeof receiver->label);
    return lines_list(lines, "option", &receiver->arguments, &receiver->error) &&
           check_arguments(receiver);
}

/* From before GO can come, so that who asks later knows whether anybody is there. */
static bool live(struct receiver *receiver)
{
    receiver->life = verdict_begin(receiver->token, &receiver->error);
    return receiver->life >= 0;
}

static bool find_host(struct receiver *receiver)
{
    struct place *place = receiver->place;
    if (strcmp(receiver->host, "native") != 0 &&
        !(place->host = host_named(receiver->host, &receiver->error)))
        return false;
    snprintf(place->name, sizeof place->name, "%s", receiver->host);
    return true;
}

static bool parse_arguments(struct receiver *receiver)
{
    static const char *none[1];
    const struct list *arguments = &receiver->arguments;
    return options_parse(&receiver->options, COMMAND_RESTORE, (int)arguments->count,
                         arguments->count ? arguments->items : none, &receiver->error);
}

/* ---- its process */

static bool open_output(struct receiver *receiver, int ends[2])
{
    if (!own_path(receiver, "log", receiver->output_path))
        return false;
    ends[0] = ends[1] =
        open(receiver->output_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    receiver->supervisor.input.pipe[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ends[0] >= 0 || error_set(&receiver->error, ERROR_IO, "cannot create %s: %s",
                                     receiver->output_path, strerror(errno));
}

static bool open_streams(struct receiver *receiver, int ends[2])
{
    receiver->supervisor.has_input = true;
    if (receiver->detach)
        return open_output(receiver, ends);
    if (!input_open(&receiver->supervisor.input, &receiver->error))
        return false;
    for (int i = 0; i < 2; i++) {
        int pipe_[2];
        if (pipe2(pipe_, O_CLOEXEC) != 0)
            return error_set(&receiver->error, ERROR_IO, "cannot make a pipe: %s", strerror(errno));
        fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
        receiver->output[i] = pipe_[0];
        ends[i] = pipe_[1];
    }
    return true;
}

bool arriving_make_directory(struct receiver *receiver)
{
    char path[REGISTRY_PATH_MAX];
    registry_remove_incoming(&receiver->supervisor.entry);
    receiver->snapshots = 0;
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

static bool prepare(struct receiver *receiver)
{
    int ends[2] = {-1, -1};
    struct supervisor *supervisor = &receiver->supervisor;
    bool good = receiver->world->ready_host(receiver) && register_guest(receiver) &&
                arriving_make_directory(receiver) && open_streams(receiver, ends);
    supervisor->output = ends[0];
    supervisor->errors = ends[1];
    supervisor->place = receiver->place;
    receiver->prepared = good;
    good = good && receiver->place->kind->prepare(receiver->place,
                                                  receiver->module[0] ? receiver->module : NULL,
                                                  &receiver->error);
    for (int i = 0; i < 2 && !receiver->detach; i++) /* that is a file, for the next move too */
        if (ends[i] >= 0)
            close(ends[i]);
    if (good)
        link_put(&receiver->link, MESSAGE_OK, NULL, 0);
    receiver->stage = STAGE_SNAPSHOTS;
    return good;
}

/* ---- its module */

static bool is_module(const char *path, const char *wanted)
{
    struct buffer bytes = {0};
    uint8_t hash[DIGEST_SIZE];
    char name[2 * DIGEST_SIZE + 1] = "";
    if (file_read(path, &bytes, NULL)) {
        digest_of(bytes.data, bytes.size, hash);
        hex_text(hash, sizeof hash, name);
    }
    buffer_free(&bytes);
    return strcmp(name, wanted) == 0;
}

static bool want_module(struct receiver *receiver)
{
    char path[PATH_ROOM];
    if (!path_set(path, &receiver->error, "%s.%d", receiver->module, (int)getpid()) ||
        !parts_begin(&receiver->parts, path, MODULE_MOST, &receiver->error))
        return false;
    link_put(&receiver->link, MESSAGE_WANT, NULL, 0);
    receiver->stage = STAGE_MODULE;
    return true;
}

/* Its hash, or "" when it travels in the snapshot. */
static const char *wanted_module(const struct receiver *receiver, char hash[2 * DIGEST_SIZE + 1])
{
    const char *lines = (const char *)receiver->hello.data;
    return file_value(lines, "module", hash, 2 * DIGEST_SIZE + 1) ? hash : "";
}

bool arriving_hello(struct receiver *receiver, const struct message *message)
{
    char text[2 * DIGEST_SIZE + 1], file[128];
    buffer_put(&receiver->hello, message->data, message->size);
    buffer_put_u8(&receiver->hello, 0);
    if (receiver->hello.failed || !read_hello(receiver) || !live(receiver) ||
        !find_host(receiver) || !parse_arguments(receiver) || !place_snapshots(receiver) ||
        !check_directories(receiver))
        return false;
    const char *hash = wanted_module(receiver, text);
    if (!*hash)
        return prepare(receiver);
    if (!hex_is(hash, 2 * DIGEST_SIZE))
        return error_set(&receiver->error, ERROR_USAGE, "a module's hash that is none");
    snprintf(file, sizeof file, "modules/%s.wasm", hash);
    if (!keep_path(file, receiver->module, &receiver->error))
        return false;
    return is_module(receiver->module, hash) ? prepare(receiver) : want_module(receiver);
}

bool arriving_module(struct receiver *receiver, const struct message *message)
{
    char hash[2 * DIGEST_SIZE + 1];
    (void)message;
    if (!is_module(receiver->parts.path, wanted_module(receiver, hash)))
        return error_set(&receiver->error, ERROR_IO, "the module did not come whole");
    return parts_end(&receiver->parts, receiver->module, &receiver->error) && prepare(receiver);
}

/* ---- its state */

bool arriving_part(struct receiver *receiver, const struct message *message)
{
    char path[REGISTRY_PATH_MAX];
    if (receiver->parts.file < 0 &&
        !parts_begin(&receiver->parts, incoming_path(&receiver->supervisor, "arriving", path),
                     UINT64_MAX, &receiver->error))
        return false;
    return parts_add(&receiver->parts, message->data, message->size, &receiver->error);
}

/* They are numbered as they come; each is put in before the next one is asked for. */
bool arriving_file(struct receiver *receiver, const struct message *message)
{
    const char *name = (const char *)message->data;
    char to[REGISTRY_PATH_MAX], next[16];
    uint64_t when;
    bool last = strcmp(name, "last") == 0;
    snprintf(next, sizeof next, "%u", receiver->snapshots);
    if (strlen(name) != message->size || (!last && strcmp(name, next) != 0) ||
        receiver->snapshots == SNAPSHOTS_MAX || receiver->parts.file < 0)
        return error_set(&receiver->error, ERROR_USAGE, "a snapshot that nobody waits for");
    incoming_path(&receiver->supervisor, last ? "last" : next, to);
    if (!parts_end(&receiver->parts, to, &receiver->error) ||
        !receiver->place->kind->apply(receiver->place, last ? "last" : next, &when,
                                      &receiver->error))
        return false;
    receiver->snapshots++;
    receiver->stage = last ? STAGE_READY : STAGE_SNAPSHOTS;
    receiver_answer_age(receiver, MESSAGE_OK, when);
    return true;
}

/* ---- it begins here */

bool arriving_go(struct receiver *receiver, const struct message *message)
{
    uint64_t when;
    (void)message;
    if (!verdict_start(receiver->token, &receiver->error))
        return false;
    receiver->told = true;
    if (receiver->place->kind->go(receiver->place, &when, &receiver->error) != GONE_RUNS) {
        verdict_write(receiver->token, "state=failed\n");
        return false;
    }
    receiver->started = true;
    receiver_answer_age(receiver, MESSAGE_RUNNING, when);
    return true;
}

/* It is known there that it runs here. */
bool arriving_done(struct receiver *receiver, const struct message *message)
{
    (void)message;
    registry_remove_incoming(&receiver->supervisor.entry);
    receiver->snapshots = 0;
    if (!receiver->detach)
        return true;
    verdict_forget(receiver->token);
    receiver->link.cut = receiver->alone = true;
    receiver->world->detach(receiver);
    return true;
}
