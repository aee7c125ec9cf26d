/* making.c - a guest of its module, or of a snapshot; and out to bytes and back. */
#include "guest/making.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "guest/bases.h"
#include "host/files.h"
#include "host/host.h"
#ifdef YADO_SEALED
#    include "sealed/sealed.h"
#endif
#ifndef __wasm__
#    include "survey/survey.h"
#endif

void making_begin(struct session *session, const struct driving *driving)
{
    const struct guest_options *options = session->options;
    const struct snapshot_options *snapshots = session->snapshots;
    const bool looks =
        snapshots->request || snapshots->trigger || snapshots->every || options->timeout;
    session->driving = driving;
    session->module_view = options->own_module;
    session->wasi_options = (struct wasi_options){
        .environment = options->env.items,
        .nenvironment = options->env.count,
        .preopens = options->dirs,
        .npreopens = options->ndirs,
        .listeners = options->listeners,
        .nlisteners = options->listen.count,
        .interrupted = looks ? driving->interrupted : NULL,
        .context = session,
        .accept_changed = options->accept_changed,
        .overwrite = options->overwrite,
        .clocks = (enum wasi_clocks)options->clocks,
    };
}

/* ---- of its module */

/* Reads the module's bytes, unless there is one already. */
static bool read_module(struct session *session, const char *path)
{
    struct buffer *bytes = &session->module_bytes;
    if (!file_read_module(path, bytes, &session->error))
        return false;
    session->module_view = (struct span){bytes->data, (uint32_t)bytes->size};
    return true;
}

/* Sealed code needs functions' bodies for snapshots only. */
static bool decode_module(struct session *session, bool restores)
{
    const struct span *view = &session->module_view;
#ifdef YADO_SEALED
    if (!restores)
        return module_load_outline(&session->module, view->data, view->size, &session->error);
#endif
    (void)restores;
    return module_load(&session->module, view->data, view->size, &session->error);
}

/* Says all that the module lacks, where there is room for the code that finds it. Returns false. */
static bool explained(struct session *session)
{
#ifndef __wasm__
    survey_explain(session->module_view.data, session->module_view.size, &session->error);
#endif
    (void)session;
    return false;
}

static bool load_module(struct session *session, bool restores)
{
    const struct span *view = &session->module_view;
    if (!decode_module(session, restores) && !explained(session))
        return error_prefix(&session->error, "%s", session_name(session));
    session->module_loaded = true;
    session->guest.module = &session->module;
    session->guest.execution = &session->execution;
    if (session->options->own_module_hash)
        memcpy(session->guest.module_hash, session->options->own_module_hash, MODULE_HASH_SIZE);
    else
        digest_of(view->data, view->size, session->guest.module_hash);
    return true;
}

/* The instance and its execution, with session->guest.wasi as what it imports. `memory` may be
 * NULL: a new one. */
static bool make_instance(struct session *session, bool bare, struct memory *memory)
{
    const struct module *module = &session->module;
    struct extern_value *imports = calloc((size_t)module->nimports + 1, sizeof *imports);
    struct instance_options options = {.bare = bare,
                                       .memory = memory,
                                       .max_pages = (uint32_t)(session->options->max_memory >> 16)};
    bool good =
        imports != NULL || error_set(&session->error, ERROR_MEMORY, "no memory for the imports");
    for (uint32_t i = 0; good && i < module->nimports; i++)
        good = wasi_import(session->guest.wasi, module, &module->imports[i], &imports[i],
                           &session->error) ||
               explained(session) || error_prefix(&session->error, "%s", session_name(session));
    good = good &&
           instance_create(&session->guest.instance, module, imports, &options, &session->error);
    free(imports);
    if (!good || !execution_init(&session->execution, session->guest.instance,
                                 (uint32_t)session->options->max_stack, &session->error))
        return false;
    session->execution.canonical = session->options->canonical;
    session->execution.refuel = session->driving->refuel;
    session->execution.end = session->driving->end;
    session->execution.context = session;
    return true;
}

void making_undo(struct session *session)
{
    execution_free(&session->execution);
    instance_destroy(session->guest.instance);
    wasi_destroy(session->guest.wasi);
    session->guest.instance = NULL;
    session->guest.wasi = NULL;
}

bool making_new(struct session *session)
{
    struct guest *guest = &session->guest;
    const struct guest_options *options = session->options;
    guest->module_path = options->own_module.data ? options->module : session->path;
    session->wasi_options.arguments = session->arguments;
    session->wasi_options.narguments = session->narguments;
    return (options->own_module.data || read_module(session, guest->module_path)) &&
           load_module(session, options->teardown > 0) &&
           wasi_create(&guest->wasi, &session->wasi_options, &session->error) &&
           make_instance(session, false, NULL);
}

/* ---- of a snapshot */

/* The time since the snapshot was taken, which its notes know to the millisecond. */
static bool time_between(struct session *session, const struct snapshot *snapshot,
                         uint64_t *between)
{
    struct span note = snapshot_note(snapshot, "time");
    char text[32];
    uint64_t then, now;
    snprintf(text, sizeof text, "%.*s", (int)note.size, note.size ? (const char *)note.data : "");
    if (!duration_parse(text, &then) || host_clock_get(CLOCK_REAL, &now) != ERRNO_SUCCESS)
        return error_set(&session->error, ERROR_USAGE,
                         "--clocks jump: the snapshot does not say when it was taken");
    *between = now > then ? now - then : 0;
    return true;
}

static bool sections_of(struct session *session, const struct snapshot *snapshot,
                        struct wasi_sections *sections)
{
    *sections = (struct wasi_sections){.wasi = snapshot->wasi.data,
                                       .wasi_size = snapshot->wasi.size,
                                       .files = snapshot->files.data,
                                       .directories = snapshot_note(snapshot, "directories"),
                                       .opened = snapshot_note(snapshot, "files"),
                                       .files_size = snapshot->files.size};
    return session->wasi_options.clocks == WASI_CLOCKS_CONTINUE || session->restored ||
           time_between(session, snapshot, &sections->between);
}

/* What only a sealed module has to ask of a snapshot. */
static bool fits_tier(struct session *session)
{
#ifdef YADO_SEALED
    return sealed_check_table(session->guest.instance, &session->error);
#else
    (void)session;
    return true;
#endif
}

bool making_restored(struct session *session, struct replica *replica,
                     const struct snapshot *snapshot)
{
    struct guest *guest = &session->guest;
    struct execution *execution = &session->execution;
    struct error *error = &session->error;
    struct wasi_sections sections;
    return sections_of(session, snapshot, &sections) &&
           wasi_load(&guest->wasi, &session->wasi_options, &sections, error) &&
           make_instance(session, true, replica && replica->has_memory ? &replica->memory : NULL) &&
           (replica ? snapshot_restore_onto(replica, snapshot, guest->instance, execution, error)
                    : snapshot_restore(snapshot, guest->instance, execution, error)) &&
           fits_tier(session) && guest_from_snapshot(guest, snapshot, error) &&
           wasi_resume(guest->wasi, &session->wasi_options, error);
}

/* The module of a snapshot: given, embedded, or where it was. */
static bool find_module(struct session *session, const struct snapshot *snapshot, const char **path)
{
    struct span noted = snapshot->module_path;
    static char noted_path[PATH_ROOM];
    note_path(session->path, noted, noted_path);
    *path = session->options->module;
    if (session->options->own_module.data) {
        if (!*path && noted_path[0])
            *path = noted_path;
        return true;
    }
    if (!*path && snapshot->module.data) {
        struct buffer *bytes = &session->module_bytes;
        buffer_put(bytes, snapshot->module.data, snapshot->module.size);
        session->module_view = (struct span){bytes->data, (uint32_t)bytes->size};
        *path = noted_path[0] ? noted_path : "embedded module";
        return !bytes->failed ||
               error_set(&session->error, ERROR_MEMORY, "no memory for the module");
    }
    if (!*path && !noted_path[0])
        return error_set(&session->error, ERROR_USAGE,
                         "the snapshot does not say where its module is: give it by --module");
    if (!*path)
        *path = noted_path;
    return read_module(session, *path) ||
           error_prefix(&session->error, "the snapshot's module is not to be had (give it by "
                                         "--module)");
}

bool making_find_module(struct session *session, const struct snapshot *snapshot)
{
    if (!find_module(session, snapshot, &session->guest.module_path))
        return false;
    if (session->options->module_note)
        session->guest.module_path = session->options->module_note;
    return snapshot_check_module(snapshot, session->module_view.data, session->module_view.size,
                                 &session->error) &&
           load_module(session, true);
}

/* ---- a second one beside it */

/* Without its memory: its files are opened again, and its snapshot is read. */
static bool make_partly(struct session *other, const struct snapshot *snapshot)
{
    struct wasi_sections sections;
    return sections_of(other, snapshot, &sections) &&
           wasi_load(&other->guest.wasi, &other->wasi_options, &sections, &other->error) &&
           wasi_resume(other->guest.wasi, &other->wasi_options, &other->error);
}

/* What a sealed module is cannot be twice in its host. A host is given no base of a base, so memory
 * that is in one is not to be had there. */
static bool make_beside(struct session *other, const char *path,
                        const struct snapshot_options *options)
{
    struct snapshot snapshot;
    struct buffer *bytes = &other->snapshot_bytes;
    struct error *error = &other->error;
    bool whole = chain_read(path, options, bytes, error), partly = false;
#ifdef __wasm__
    if (!whole && error->kind == ERROR_IO) {
        bytes->size = 0;
        partly = incoming_read(path, options, bytes, error);
    }
#    ifdef YADO_SEALED
    partly |= whole;
#    endif
#endif
    return (whole || partly) && snapshot_open(&snapshot, bytes->data, bytes->size, error) &&
           (partly ? make_partly(other, &snapshot) : making_restored(other, NULL, &snapshot));
}

bool making_verify(struct session *session, const char *path, const char *base)
{
    struct snapshot_options options = *session->snapshots;
    struct session other = {.options = session->options,
                            .snapshots = &options,
                            .path = path,
                            .say = session->say,
                            .driving = session->driving,
                            .module = session->module,
                            .wasi_options = session->wasi_options,
                            .restored = true};
    options.with_base = (struct list){&base, base != NULL};
    options.reads_own = true;
    other.guest.module = &other.module;
    other.guest.execution = &other.execution;
    other.wasi_options.accept_changed = false;
    bool good = make_beside(&other, path, &options);
    making_undo(&other);
    buffer_free(&other.snapshot_bytes);
    return good || error_set(&session->error, other.error.kind,
                             "the snapshot could not be restored: %s", other.error.message);
}

/* ---- out to bytes and back */

bool making_tear_down(struct session *session)
{
    struct capture_options options = {.reproducible = true,
                                      .compress = session->snapshots->compress};
    struct sink sink = sink_into(&session->capture);
    struct snapshot snapshot;
    session->capture.size = 0;
    if (!snapshot_capture(&session->guest, &options, &sink, &session->error))
        return false;
    making_undo(session);
    return snapshot_open(&snapshot, session->capture.data, session->capture.size,
                         &session->error) &&
           making_restored(session, NULL, &snapshot);
}
