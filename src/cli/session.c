/* session.c - makes a guest from its module or from a snapshot, and sees it to its end. */
#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/chain.h"
#include "cli/drive.h"
#include "cli/file.h"
#include "cli/incoming.h"
#include "cli/invoke.h"
#include "cli/listen.h"
#include "cli/print.h"
#include "cli/standby.h"
#include "host/files.h"
#include "host/host.h"
#ifdef YADO_SEALED
#    include "sealed/sealed.h"
#endif
#ifndef __wasm__
#    include "survey/survey.h"
#endif

int report(const struct error *error, int exit_code)
{
    if (error->offset == ERROR_NO_OFFSET)
        print_line(stderr, "yado: %s", error->message);
    else
        print_line(stderr, "yado: %s (at byte 0x%llx)", error->message,
                   (unsigned long long)error->offset);
    return exit_code;
}

/* Making and unmaking the guest. */

static void set_wasi_options(struct session *session)
{
    const struct options *options = session->options;
    session->wasi_options = (struct wasi_options){
        .environment = options->env.items,
        .nenvironment = options->env.count,
        .preopens = options->dirs,
        .npreopens = options->ndirs,
        .listeners = options->listeners,
        .nlisteners = options->listen.count,
        .interrupted = options->request || options->trigger || options->every || options->timeout
                           ? drive_interrupted
                           : NULL,
        .context = session,
        .accept_changed = options->accept_changed,
        .overwrite = options->overwrite,
        .clocks = (enum wasi_clocks)options->clocks,
    };
}

/* What messages call the guest. */
static const char *guest_name(const struct session *session)
{
    const char *path = session->guest.module_path;
    return path ? path : session->options->positional[0];
}

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
        return error_prefix(&session->error, "%s", guest_name(session));
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
               explained(session) || error_prefix(&session->error, "%s", guest_name(session));
    good = good &&
           instance_create(&session->guest.instance, module, imports, &options, &session->error);
    free(imports);
    if (!good || !execution_init(&session->execution, session->guest.instance,
                                 (uint32_t)session->options->max_stack, &session->error))
        return false;
    session->execution.canonical = session->options->canonical;
    session->execution.refuel = drive_refuel;
    session->execution.end = session_ended;
    session->execution.context = session;
    return true;
}

static void unmake(struct session *session)
{
    execution_free(&session->execution);
    instance_destroy(session->guest.instance);
    wasi_destroy(session->guest.wasi);
    session->guest.instance = NULL;
    session->guest.wasi = NULL;
}

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

/* `replica` NULL: with the memory that is in the snapshot. */
static bool make(struct session *session, struct replica *replica, const struct snapshot *snapshot)
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

bool session_make_onto(struct session *session, struct replica *replica,
                       const struct snapshot *snapshot)
{
    return make(session, replica, snapshot);
}

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
static bool make_beside(struct session *other, const char *path, const struct options *options)
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
           (partly ? make_partly(other, &snapshot) : make(other, NULL, &snapshot));
}

bool session_verify(struct session *session, const char *path, const char *base)
{
    struct options options = *session->options;
    struct session other = {.options = &options,
                            .module = session->module,
                            .wasi_options = session->wasi_options,
                            .restored = true};
    options.with_base = (struct list){&base, base != NULL};
    options.reads_own = true;
    other.guest.module = &other.module;
    other.guest.execution = &other.execution;
    other.wasi_options.accept_changed = false;
    bool good = make_beside(&other, path, &options);
    unmake(&other);
    buffer_free(&other.snapshot_bytes);
    return good || error_set(&session->error, other.error.kind,
                             "the snapshot could not be restored: %s", other.error.message);
}

static bool append(void *context, const void *data, size_t size, struct error *error)
{
    struct buffer *buffer = context;
    buffer_put(buffer, data, size);
    return !buffer->failed || error_set(error, ERROR_MEMORY, "no memory for a snapshot");
}

bool session_tear_down(struct session *session)
{
    struct capture_options options = {.reproducible = true, .compress = session->options->compress};
    struct sink sink = {append, &session->capture};
    struct snapshot snapshot;
    session->capture.size = 0;
    if (!snapshot_capture(&session->guest, &options, &sink, &session->error))
        return false;
    unmake(session);
    return snapshot_open(&snapshot, session->capture.data, session->capture.size,
                         &session->error) &&
           make(session, NULL, &snapshot);
}

/* To its end. */

static bool trace_line(void *context, uint32_t depth, uint32_t funcidx, uint32_t offset)
{
    const struct module *module = context;
    char label[200];
    if (depth < 50)
        print_line(stderr, "  %2u: %s + 0x%x", depth,
                   module_func_label(module, funcidx, label, sizeof label), offset);
    else if (depth == 50)
        print_line(stderr, "  ... and the frames below");
    return depth < 50;
}

/* `heading` stands above the frames, if there are any, or is NULL. */
static int trapped(struct session *session, const char *heading)
{
    print_line(stderr, "yado: %s trapped: %s", guest_name(session),
               session->execution.trap == TRAP_HOST && session->execution.host_message[0]
                   ? session->execution.host_message
                   : trap_message(session->execution.trap));
    if (heading && execution_depth(&session->execution) > 0)
        print_line(stderr, "  %s:", heading);
    execution_backtrace(&session->execution, trace_line, &session->module);
    return EXIT_GUEST_TRAPPED;
}

/* What a guest that has ended by itself means for its user, who may have asked for a checkpoint at
 * some fuel: it ended before, or sealed it polled no more behind that. A trap is one all the same. */
static int ended(const struct session *session, int exit_code, bool has_trapped)
{
    uint64_t after = session->options->checkpoint_after;
    if (!after || session->after_is_taken)
        return exit_code;
    print_line(stderr,
               "yado: %s ended (%d) after %llu units of fuel: the checkpoint of --checkpoint-after "
               "%llu was not taken",
               guest_name(session), exit_code, (unsigned long long)session->execution.fuel_used,
               (unsigned long long)after);
    return has_trapped ? exit_code : EXIT_NOT_REACHED;
}

/* Drives to the end of the present call; *more tells that it returned. */
static int drive_call(struct session *session, bool *more)
{
    enum run_status status = RUN_DONE;
    *more = false;
    if (!drive(session, &status))
        return report(&session->error, EXIT_FAILED);
    if (session->checkpointed)
        return EXIT_CHECKPOINTED;
    if (status == RUN_TRAP)
        return ended(session, trapped(session, NULL), true);
    if (status == RUN_EXIT)
        return ended(session, (int)session->execution.exit_code, false);
    *more = true;
    return 0;
}

/* From where the guest is to its end: all calls that it is made of. */
static int finish(struct session *session)
{
    struct guest *guest = &session->guest;
    bool more;
    for (;;) {
        int exit_code = drive_call(session, &more);
        if (!more)
            return exit_code;
        if (guest->started)
            break;
        if (!guest_call_next(guest, &session->error))
            return report(&session->error, EXIT_FAILED);
    }
    invoke_print_results(guest);
    return ended(session, 0, false);
}

static bool begin(struct session *session)
{
    struct guest *guest = &session->guest;
    const struct options *options = session->options;
    guest->module_path = options->own_module.data ? options->module : options->positional[0];
    if (options->arg0)
        options->positional[0] = options->arg0;
    session->wasi_options.arguments = options->positional;
    session->wasi_options.narguments = (uint32_t)options->npositional;
    if ((!options->own_module.data && !read_module(session, guest->module_path)) ||
        !load_module(session, options->teardown > 0))
        return false;
    if (!wasi_create(&guest->wasi, &session->wasi_options, &session->error) ||
        !make_instance(session, false, NULL))
        return false;
    if (!invoke_prepare(guest, options, &session->error)) {
        session->makes_no_sense = session->error.kind == ERROR_USAGE;
        return session->makes_no_sense ? false
                                       : error_prefix(&session->error, "%s", guest_name(session));
    }
    return guest_begin(guest, &session->error);
}

/* The module of a snapshot: given, embedded, or where it was. */
static bool find_module(struct session *session, const struct snapshot *snapshot, const char **path)
{
    struct span noted = snapshot->module_path;
    static char noted_path[PATH_ROOM];
    note_path(session->options->positional[0], noted, noted_path);
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

bool session_find_module(struct session *session, const struct snapshot *snapshot)
{
    if (!find_module(session, snapshot, &session->guest.module_path))
        return false;
    if (session->options->module_note)
        session->guest.module_path = session->options->module_note;
    return snapshot_check_module(snapshot, session->module_view.data, session->module_view.size,
                                 &session->error) &&
           load_module(session, true);
}

/* Its supervisor's bar ends. A file of its own: not every host can replace one. */
static void note_restored(const struct options *options)
{
    char restored[PATH_ROOM];
    if (!options->status_file)
        return;
    snprintf(restored, sizeof restored, "%s.restored", options->status_file);
    (void)file_write(restored, "", NULL);
}

static bool continue_from(struct session *session)
{
    struct snapshot snapshot;
    const char *path = session->options->positional[0];
    const struct span *own = &session->options->own_snapshot;
    struct section bytes = {own->data, own->size};
    if (!bytes.data) {
        if (!chain_read_newest(path, session->options, &session->snapshot_bytes, &session->error))
            return session->error.kind == ERROR_SNAPSHOT ? error_prefix(&session->error, "%s", path)
                                                         : false;
        if (session->options->consume)
            unlink(path);
        bytes = (struct section){session->snapshot_bytes.data, session->snapshot_bytes.size};
    }
    if (!snapshot_open(&snapshot, bytes.data, bytes.size, &session->error) ||
        !session_find_module(session, &snapshot) || !make(session, NULL, &snapshot))
        return error_prefix(&session->error, "%s", path);
    buffer_free(&session->snapshot_bytes);
    session->restored = true;
    note_restored(session->options);
    return true;
}

/* For hosts that do not pass exit codes on. */
static void note_status(const struct options *options, int exit_code)
{
    char text[32];
    struct error error;
    snprintf(text, sizeof text, "exit=%d\n", exit_code);
    if (options->status_file && !file_write(options->status_file, text, &error))
        report(&error, 0);
}

static void say_fuel(const struct session *session)
{
    if (session->options->show_fuel && !session->moved)
        print_line(stderr, "fuel: %llu", (unsigned long long)session->execution.fuel_used);
}

/* What the host has given; natively they are open already, and outlive the guest's process. */
static bool open_listeners(struct session *session)
{
#ifdef YADO_SOCKETS
    return listeners_open(&session->wasi_options.listeners, &session->options->listen,
                          &session->error);
#else
    (void)session;
    return true;
#endif
}

static bool check_embed(struct session *session)
{
    const struct list *embed = &session->options->embed;
    for (uint32_t i = 0; i < embed->count; i++)
        if (!wasi_can_embed(session->guest.wasi, embed->items[i], &session->error)) {
            session->makes_no_sense = true;
            return false;
        }
    return true;
}

static int session_do(const struct options *options, bool (*prepare)(struct session *session))
{
    struct session session = {.options = options, .module_view = options->own_module};
    drive_begin(&session);
    set_wasi_options(&session);
    session.error.offset = ERROR_NO_OFFSET;
    bool good = open_listeners(&session) && prepare(&session) && check_embed(&session);
    session.after_is_over = session.execution.fuel_used >= options->checkpoint_after;
    session.after_is_taken = session.after_is_over && options->leave_running; /* before a move */
    if (good && options->own_module.data)
        note_status(options, EXIT_GUEST_TRAPPED); /* a sealed guest's trap ends the host's run */
    int exit_code = good
                        ? finish(&session)
                        : report(&session.error, session.makes_no_sense ? EXIT_USAGE : EXIT_FAILED);
    say_fuel(&session);
    unmake(&session);
    if (session.module_loaded)
        module_free(&session.module);
    buffer_free(&session.module_bytes);
    buffer_free(&session.snapshot_bytes);
    buffer_free(&session.capture);
    buffer_free(&session.guest.arguments);
    if (!session.moved)
        note_status(options, exit_code);
    return exit_code;
}

/* A trap goes on to the host, which knows the frames that have gone on here: they are its own. */
void session_ended(void *context, enum run_status status)
{
    struct session *session = context;
    int exit_code = EXIT_GUEST_TRAPPED;
    if (status == RUN_TRAP)
        trapped(session, "below the frames that the host shows");
    else
        exit_code = (int)session->execution.exit_code;
    exit_code = ended(session, exit_code, status == RUN_TRAP);
    say_fuel(session);
    note_status(session->options, exit_code);
    if (status == RUN_TRAP)
        abort();
    exit(exit_code);
}

int session_run(const struct options *options)
{
    return session_do(options, begin);
}

int session_restore(const struct options *options)
{
    return session_do(options, options->standby ? standby_receive : continue_from);
}
