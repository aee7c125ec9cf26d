/* checkpoints.c - when a running guest is checkpointed: `yado checkpoint`, --trigger,
 * --checkpoint-after, --every. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "guest/bases.h"
#include "guest/checkpoints.h"
#include "guest/hold.h"
#include "guest/making.h"
#include "guest/request.h"
#include "host/host.h"

static bool asked_for(const struct session *session)
{
    return file_exists(session->snapshots->request) || file_exists(session->snapshots->trigger);
}

static bool time_is_over(const struct session *session)
{
    uint64_t every = session->snapshots->every;
    return every && host_monotonic() - session->last_kept >= every;
}

bool checkpoint_due(const struct session *session)
{
    return asked_for(session) || time_is_over(session);
}

static struct capture_options capture_options(const struct snapshot_options *options)
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

/* What is asked for, in place of or beside what the options say. */
static void as_requested(struct capture_options *capture, const struct request *request)
{
    if (request->move) { /* nothing but what is said here */
        capture->base = capture->base_note = NULL;
        capture->wrapping = NULL; /* they stay in the guest's directory */
        capture->unwrapping = NULL;
        capture->reproducible = false;
        capture->carry = (struct wasi_carry){0};
    }
    capture->embed_module |= request->embed_module;
    capture->compress |= request->compress;
    capture->sync |= request->sync;
    if (request->base) {
        capture->base = request->base;
        capture->unwrapping = NULL; /* who asks has opened it */
    }
    if (request->base_note)
        capture->base_note = request->base_note;
    if (request->files)
        capture->carry.files = (enum wasi_files_mode)request->files;
    if (request->embed.count) {
        capture->carry.directories = request->embed.items;
        capture->carry.ndirectories = request->embed.count;
    }
}

/* ---- the answer to `yado checkpoint` */

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

struct taken {
    bool good;
    uint64_t size, stopped, nanoseconds;
};

static void answer(struct session *session, const struct request *request,
                   const struct taken *taken)
{
    const char *path = session->snapshots->answer;
    struct place place = {.module = &session->module};
    char text[1024];
    if (!path)
        return;
    execution_backtrace(&session->execution, innermost, &place);
    if (taken->good)
        snprintf(text, sizeof text,
                 "id=%.40s\nok=1\nsize=%llu\nstopped=%llu\nnanoseconds=%llu\nplace=%s\ndepth=%u\n",
                 request->id, (unsigned long long)taken->size, (unsigned long long)taken->stopped,
                 (unsigned long long)taken->nanoseconds, place.text,
                 execution_depth(&session->execution));
    else
        snprintf(text, sizeof text, "id=%.40s\nerror=%s\n", request->id, session->error.message);
    unlink(path); /* not every host can replace a file */
    if (!file_write(path, text, &session->error))
        session->say(&session->error);
}

/* ---- writing them */

struct verifying {
    struct session *session;
    const char *base;
};

static bool look(void *context, const char *path, struct error *error)
{
    const struct verifying *verifying = context;
    (void)error; /* it is the session's */
    return making_verify(verifying->session, path, verifying->base);
}

/* A snapshot that cannot be restored is none: what was at `path` before stays. */
static bool save(struct session *session, const struct capture_options *options, const char *path,
                 bool verify, uint64_t *size)
{
    struct capture_options noted = *options;
    char module[PATH_ROOM], base[PATH_ROOM];
    if (session->guest.module_path) {
        note_for(path, session->guest.module_path, module);
        noted.module_note = module;
    }
    if (options->base && !options->base_note) {
        note_for(path, options->base, base);
        noted.base_note = base;
    }
    struct verifying verifying = {session, options->base};
    const struct file_check check = {look, &verifying};
    noted.check = verify ? &check : NULL;
    return snapshot_save(&session->guest, &noted, path, size, &session->error);
}

static struct taken take(struct session *session, const struct capture_options *capture,
                         const char *path, bool verify)
{
    struct taken taken = {.stopped = wall_time()};
    uint64_t start = host_monotonic();
    taken.good = path ? save(session, capture, path, verify, &taken.size)
                      : error_set(&session->error, ERROR_USAGE,
                                  "a checkpoint was asked for, but no --snapshot FILE is given");
    if (!taken.good)
        session->say(&session->error);
    taken.nanoseconds = host_monotonic() - start;
    return taken;
}

/* One that somebody waits for. A guest that is to end does so when who asked for it has the
 * snapshot, or has gone elsewhere. */
static void take_requested(struct session *session, const struct request *request)
{
    const struct snapshot_options *options = session->snapshots;
    struct capture_options capture = capture_options(options);
    as_requested(&capture, request);
    struct taken taken =
        take(session, &capture, request->snapshot ? request->snapshot : options->snapshot,
             options->verify || request->verify);
    answer(session, request, &taken);
    if (!taken.good)
        return;
    session->checkpointed = request->hold ? hold_guest(request->hold)
                                          : !(options->leave_running || request->leave_running);
    session->moved = session->checkpointed && request->move;
}

/* One that --trigger or --checkpoint-after asks for. */
static void take_wanted(struct session *session)
{
    const struct snapshot_options *options = session->snapshots;
    struct capture_options capture = capture_options(options);
    struct taken taken = take(session, &capture, options->snapshot, options->verify);
    if (options->trigger)
        unlink(options->trigger);
    session->checkpointed = taken.good && !options->leave_running;
}

/* One of --every. One that cannot be written is reported; the guest goes on with those it has. */
static void take_regular(struct session *session)
{
    const struct snapshot_options *given = session->snapshots;
    struct capture_options options = capture_options(given);
    options.keep = (uint32_t)given->keep;
    if (!save(session, &options, given->snapshot, given->verify, NULL))
        session->say(&session->error);
    session->last_kept = host_monotonic();
}

bool checkpoint_after_is_reached(const struct session *session)
{
    uint64_t after = session->snapshots->checkpoint_after;
    return after && !session->after_is_over && session->execution.fuel_used >= after;
}

bool checkpoint_take(struct session *session, bool fuel_is_out)
{
    const struct snapshot_options *options = session->snapshots;
    struct request request;
    if (request_take(&request, options->request)) {
        take_requested(session, &request);
        request_free(&request);
    }
    if (!session->checkpointed && file_exists(options->trigger))
        take_wanted(session);
    if (!session->checkpointed && fuel_is_out && checkpoint_after_is_reached(session)) {
        session->after_is_over = session->after_is_taken = true;
        take_wanted(session);
    }
    if (!session->checkpointed && time_is_over(session))
        take_regular(session);
    return !session->checkpointed;
}
