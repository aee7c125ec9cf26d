/* checkpoint.c - `yado checkpoint`. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/native/envelopes.h"
#include "cli/native/hosts.h"
#include "cli/native/lines.h"
#include "cli/native/registry.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/session.h"

#define ANSWER_SECONDS 30

static void put_flag(struct buffer *text, const char *key, bool flag)
{
    if (flag)
        line_put(text, key, "1");
}

static bool write_request(const struct registered *entry, const struct options *options,
                          struct error *error)
{
    char path[PATH_MAX];
    struct buffer text = {0};
    registry_path(entry, "answer", path);
    unlink(path);
    line_put(&text, "snapshot", registry_path(entry, "snapshot", path));
    put_flag(&text, "leave-running", options->leave_running);
    put_flag(&text, "embed-module", options->embed_module);
    put_flag(&text, "compress", options->compress);
    put_flag(&text, "sync", options->sync);
    put_flag(&text, "verify", options->verify);
    if (options->base) {
        line_put(&text, "base", registry_path(entry, "base", path));
        line_put(&text, "base-note", realpath(options->base, path) ? path : options->base);
    }
    if (options->files)
        line_put(&text, "files", (char[]){(char)('0' + options->files), 0});
    for (uint32_t i = 0; i < options->embed.count; i++)
        line_put(&text, "embed", options->embed.items[i]);
    registry_path(entry, "request", path);
    bool good = text.failed ? error_set(error, ERROR_MEMORY, "no memory for the request")
                            : file_write_bytes(path, text.data, text.size, error);
    buffer_free(&text);
    return good;
}

/* Puts the base where the guest's host can read it, and as it can. */
static bool lend_base(const struct registered *entry, const struct options *options,
                      struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    struct buffer bytes = {0};
    const char *base = options->base;
    registry_path(entry, "base", path);
    unlink(path);
    if (!envelopes_asked_for(options) && !envelope_at(base) && link(base, path) == 0)
        return true;
    bool good = incoming_read(base, options, &bytes, error) ||
                error_prefix(error, "the base %s cannot be used", base);
    good = good && file_write_bytes(path, bytes.data, bytes.size, error);
    buffer_free(&bytes);
    return good;
}

/* Adds to the message what the guest runs in. */
static bool say_host(const struct registered *entry, struct error *error)
{
    char path[REGISTRY_PATH_MAX], label[256], command[1024] = "";
    struct buffer text = {0};
    const struct host *host = host_named(entry->host, NULL);
    struct error why = *error;
    if (host && file_read(registry_path(entry, "command", path), &text, NULL)) {
        buffer_put_u8(&text, 0);
        snprintf(command, sizeof command, "; %s", (const char *)text.data);
        command[strcspn(command, "\n")] = 0;
    }
    buffer_free(&text);
    return error_set(error, ERROR_IO, "%.500s; %s%s", why.message, host_label(host, label),
                     command);
}

/* Waits for the guest to answer; `text` takes the answer, terminated. */
static bool wait_answer(const struct registered *entry, struct buffer *text, struct error *error)
{
    char path[REGISTRY_PATH_MAX], request[REGISTRY_PATH_MAX];
    const struct timespec pause = {0, 2000000};
    progress_watch(registry_path(entry, "snapshot" OUTPUT_PART, path), 0);
    registry_path(entry, "answer", path);
    for (unsigned i = 0; i < ANSWER_SECONDS * 500; i++) {
        bool dead = kill(entry->pid, 0) != 0 && errno == ESRCH;
        text->size = 0;
        if (file_read(path, text, NULL)) {
            buffer_put_u8(text, 0);
            return !text->failed || error_set(error, ERROR_MEMORY, "no memory for the answer");
        }
        if (dead)
            return error_set(error, ERROR_IO, "guest %s ended before it was checkpointed",
                             entry->name) ||
                   say_host(entry, error);
        nanosleep(&pause, NULL);
    }
    unlink(registry_path(entry, "request", request));
    return error_set(error, ERROR_IO,
                     "guest %s did not answer within %d s: it waits in a call that its host "
                     "cannot interrupt",
                     entry->name, ANSWER_SECONDS) ||
           say_host(entry, error);
}

/* Moves the snapshot out of the registry, over file systems if need be. */
static bool fetch(const struct registered *entry, const struct options *options, const char *output,
                  struct error *error)
{
    char from[REGISTRY_PATH_MAX], temporary[4200];
    struct buffer bytes = {0};
    registry_path(entry, "snapshot", from);
    if (envelopes_wrap(options)) {
        if (!envelopes_copy(options, from, output, 1, NULL, error))
            return error_prefix(error, "the snapshot, as it was written, is in %s", from);
        unlink(from);
        return true;
    }
    if (rename(from, output) == 0)
        return true;
    if (errno != EXDEV)
        return error_set(error, ERROR_IO, "cannot move the snapshot from %s to %.200s: %s", from,
                         output, strerror(errno));
    snprintf(temporary, sizeof temporary, "%.4000s.part", output);
    bool good = file_read(from, &bytes, error);
    FILE *file = good ? fopen(temporary, "wb") : NULL;
    good = file && fwrite(bytes.data, 1, bytes.size, file) == bytes.size && fflush(file) == 0 &&
           fsync(fileno(file)) == 0;
    if (file && fclose(file) != 0)
        good = false;
    if (!good || rename(temporary, output) != 0)
        good = error_set(error, ERROR_IO, "cannot write %.200s: %s; the snapshot is in %s", output,
                         strerror(errno), from);
    else
        unlink(from);
    buffer_free(&bytes);
    return good;
}

/* Who asks here does not reach a guest that runs elsewhere. */
static bool check_place(const struct registered *entry, struct error *error)
{
    return strncmp(entry->host, "ssh://", 6) != 0 ||
           error_set(error, ERROR_USAGE,
                     "guest %s is in %.200s: checkpoint it there, or bring it back by `yado "
                     "migrate --host HOST %s`",
                     entry->name, entry->host, entry->name);
}

static bool check_keys(const struct registered *entry, const struct options *options,
                       struct error *error)
{
    return !entry->wraps || !envelopes_wrap(options) ||
           error_set(error, ERROR_USAGE,
                     "guest %s was started with --sign or --encrypt-to: its snapshots have its "
                     "own keys",
                     entry->name);
}

static bool checkpoint(const struct options *options, struct error *error)
{
    struct registered entry;
    struct buffer text = {0};
    char output[1200], value[512], nanoseconds[32] = "0", place[300] = "";
    struct stat stat_ = {0};
    if (!registry_find(options->positional[0], &entry, error) || !check_place(&entry, error) ||
        !check_keys(&entry, options, error) ||
        (options->base && !lend_base(&entry, options, error)) ||
        !write_request(&entry, options, error) || !wait_answer(&entry, &text, error)) {
        buffer_free(&text);
        return false;
    }
    const char *lines = (const char *)text.data;
    bool good = file_value(lines, "ok", value, sizeof value) != NULL;
    if (!good) {
        error_set(error, ERROR_IO, "guest %s could not be checkpointed, and goes on: %s",
                  entry.name, file_value(lines, "error", value, sizeof value) ? value : "");
        say_host(&entry, error);
    }
    file_value(lines, "nanoseconds", nanoseconds, sizeof nanoseconds);
    file_value(lines, "place", place, sizeof place);
    if (options->output)
        snprintf(output, sizeof output, "%s", options->output);
    else if (entry.snapshot[0])
        snprintf(output, sizeof output, "%s", entry.snapshot);
    else
        snprintf(output, sizeof output, "%s.snap", entry.name);
    buffer_free(&text);
    if (!good || !fetch(&entry, options, output, error))
        return false;
    /* A guest that still runs removes its entry itself: its exit code may be to come. */
    registry_remove_dead(&entry);
    (void)stat(output, &stat_);
    progress_end();
    print_line(stdout, "%s: %lld bytes, written in %.1f ms, at %s", output,
               (long long)stat_.st_size, atof(nanoseconds) / 1e6, place);
    return true;
}

/* Keys are read before the guest is stopped. */
static bool checkpoint_with_keys(struct options *options, struct error *error)
{
    struct envelopes envelopes;
    bool good = envelopes_load(&envelopes, options, error);
    options->envelopes = &envelopes;
    progress_begin("checkpoint of %s", options->positional[0]);
    good = good && checkpoint(options, error);
    progress_end();
    options->envelopes = NULL;
    envelopes_wipe(&envelopes);
    return good;
}

int command_checkpoint(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_CHECKPOINT, argc, argv, &error);
    if (good && options.help) {
        options_help(COMMAND_CHECKPOINT);
    } else if (good && options.npositional != 1) {
        error_set(&error, ERROR_USAGE, "one NAME is wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!good || !checkpoint_with_keys(&options, &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}
