/* checkpoints.c - when a running guest is checkpointed: `yado checkpoint`, --trigger,
 * --checkpoint-after, --every. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/chain.h"
#include "cli/drive.h"
#include "cli/file.h"
#include "cli/session.h"
#include "cli/standby.h"
#include "host/host.h"

static bool asked_for(const struct session *session)
{
    return file_exists(session->options->request) || file_exists(session->options->trigger);
}

static bool time_is_over(const struct session *session)
{
    uint64_t every = session->options->every;
    return every && host_monotonic() - session->last_kept >= every;
}

bool checkpoint_due(const struct session *session)
{
    return asked_for(session) || time_is_over(session);
}

/* What a checkpoint is to be: as the options say, unless `yado checkpoint` says otherwise. */
struct request {
    struct buffer text; /* to be freed; `embed` points into it */
    char snapshot[4096], base[4096], base_note[4096];
    const char *embed[64];
    char hold[4096]; /* the guest waits here until it is told to go on or to end (standby.h) */
    bool leave_running;
    bool verify;
    struct capture_options capture;
};

static struct capture_options capture_options(const struct options *options)
{
    return (struct capture_options){.embed_module = options->embed_module,
                                    .compress = options->compress,
                                    .sync = options->sync,
                                    .carry = {.files = (enum wasi_files_mode)options->files,
                                              .directories = options->embed.items,
                                              .ndirectories = options->embed.count},
                                    .base = options->base,
                                    .base_note = options->base_note,
                                    .wrapping = options->wrapping,
                                    .unwrapping = options->unwrapping,
                                    .reproducible = options->reproducible,
                                    .host = options->host_note};
}

static bool has_flag(const char *lines, const char *name)
{
    char value[8];
    return file_value(lines, name, value, sizeof value) != NULL;
}

/* What the lines say of the guest's files; the lines are taken apart. */
static void read_carry(struct request *request, char *lines)
{
    struct wasi_carry *carry = &request->capture.carry;
    char mode[8];
    if (file_value(lines, "files", mode, sizeof mode))
        carry->files = (enum wasi_files_mode)(mode[0] - '0');
    uint32_t count = 0;
    for (char *line = strtok(lines, "\n"); line && count < 64; line = strtok(NULL, "\n"))
        if (strncmp(line, "embed=", 6) == 0)
            request->embed[count++] = line + 6;
    if (count) {
        carry->directories = request->embed;
        carry->ndirectories = count;
    }
}

static void read_request(const struct session *session, struct request *request)
{
    const struct options *options = session->options;
    struct capture_options *capture = &request->capture;
    *request = (struct request){.leave_running = options->leave_running,
                                .verify = options->verify,
                                .capture = capture_options(options)};
    if (options->snapshot)
        snprintf(request->snapshot, sizeof request->snapshot, "%s", options->snapshot);
    struct buffer *text = &request->text;
    if (options->request && file_read(options->request, text, NULL))
        buffer_put_u8(text, 0);
    if (text->size && !text->failed) {
        char *lines = (char *)text->data;
        file_value(lines, "snapshot", request->snapshot, sizeof request->snapshot);
        request->leave_running |= has_flag(lines, "leave-running");
        file_value(lines, "hold", request->hold, sizeof request->hold);
        if (has_flag(lines, "move")) { /* nothing but what is said here */
            capture->base = capture->base_note = NULL;
            capture->wrapping = NULL; /* they stay in the guest's directory */
            capture->unwrapping = NULL;
            capture->reproducible = false;
            capture->carry = (struct wasi_carry){0};
        }
        capture->embed_module |= has_flag(lines, "embed-module");
        capture->compress |= has_flag(lines, "compress");
        capture->sync |= has_flag(lines, "sync");
        request->verify |= has_flag(lines, "verify");
        if (file_value(lines, "base", request->base, sizeof request->base)) {
            capture->base = request->base;
            capture->unwrapping = NULL; /* `yado checkpoint` has opened it */
        }
        if (file_value(lines, "base-note", request->base_note, sizeof request->base_note))
            capture->base_note = request->base_note;
        read_carry(request, lines);
    }
}

/* The answer to `yado checkpoint`. */

struct place {
    const struct module *module;
    char text[256];
};

static bool innermost(void *context, uint32_t depth, uint32_t funcidx, uint32_t offset)
{
    struct place *place = context;
    char label[160];
    size_t used = strlen(place->text);
    snprintf(place->text + used, sizeof place->text - used, "%s%s+0x%x", depth ? " < " : "",
             module_func_label(place->module, funcidx, label, sizeof label), offset);
    return depth < 2;
}

static void answer(struct session *session, bool good, uint64_t size, uint64_t stopped,
                   uint64_t nanoseconds)
{
    const char *path = session->options->answer;
    struct place place = {.module = &session->module};
    char text[1024];
    if (!path)
        return;
    execution_backtrace(&session->execution, innermost, &place);
    if (good)
        snprintf(text, sizeof text,
                 "ok=1\nsize=%llu\nstopped=%llu\nnanoseconds=%llu\nplace=%s\ndepth=%u\n",
                 (unsigned long long)size, (unsigned long long)stopped,
                 (unsigned long long)nanoseconds, place.text, execution_depth(&session->execution));
    else
        snprintf(text, sizeof text, "error=%s\n", session->error.message);
    if (!file_write(path, text, &session->error))
        report(&session->error, 0);
}

/* Writing them. */

/* A snapshot that cannot be restored is none. */
static bool save(struct session *session, const struct capture_options *options, const char *path,
                 bool verify, uint64_t *size)
{
    struct capture_options noted = *options;
    char module[4096], base[4096];
    if (session->guest.module_path) {
        note_for(path, session->guest.module_path, module);
        noted.module_note = module;
    }
    if (options->base && !options->base_note) {
        note_for(path, options->base, base);
        noted.base_note = base;
    }
    if (!snapshot_save(&session->guest, &noted, path, size, &session->error))
        return false;
    if (!verify || session_verify(session, path, options->base))
        return true;
    unlink(path);
    return false;
}

/* A checkpoint that somebody asked for. */
static void take_wanted(struct session *session)
{
    struct request request;
    read_request(session, &request);
    uint64_t size = 0, start = host_monotonic(), stopped = wall_time();
    bool good = request.snapshot[0]
                    ? save(session, &request.capture, request.snapshot, request.verify, &size)
                    : error_set(&session->error, ERROR_USAGE,
                                "a checkpoint was asked for, but no --snapshot FILE is given");
    if (!good)
        report(&session->error, 0);
    uint64_t nanoseconds = host_monotonic() - start;
    if (session->options->trigger)
        unlink(session->options->trigger);
    if (file_exists(session->options->request)) {
        unlink(session->options->request);
        answer(session, good, size, stopped, nanoseconds);
    }
    if (good && request.hold[0])
        session->moved = standby_hold(request.hold);
    session->checkpointed = session->moved || (good && !request.leave_running);
    buffer_free(&request.text);
}

/* One of --every. One that cannot be written is reported; the guest goes on with those it has. */
static void take_regular(struct session *session)
{
    const struct options *given = session->options;
    struct capture_options options = capture_options(given);
    options.keep = (uint32_t)given->keep;
    if (!save(session, &options, given->snapshot, given->verify, NULL))
        report(&session->error, 0);
    session->last_kept = host_monotonic();
}

/* The interpreter stops at that very unit; a sealed guest, which counts less often, soon after. */
static bool after_is_reached(const struct session *session, bool fuel_is_out)
{
    uint64_t after = session->options->checkpoint_after;
    return fuel_is_out && after && !session->after_is_over && session->execution.fuel_used >= after;
}

bool checkpoint_wanted(const struct session *session, bool fuel_is_out)
{
    return checkpoint_due(session) || after_is_reached(session, fuel_is_out);
}

bool checkpoint_take(struct session *session, bool fuel_is_out)
{
    if (asked_for(session))
        take_wanted(session);
    if (!session->checkpointed && after_is_reached(session, fuel_is_out)) {
        session->after_is_over = true;
        take_wanted(session);
    }
    if (!session->checkpointed && time_is_over(session))
        take_regular(session);
    return !session->checkpointed;
}
