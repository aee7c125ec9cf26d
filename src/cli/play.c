/* play.c - a guest from its beginning to its end, as the command has it: what is printed of it, and
 * which exit code it gives. */
#include "cli/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/path.h"
#include "cli/invoke.h"
#include "cli/listen.h"
#include "cli/print.h"
#include "guest/session.h"

int report(const struct error *error, int exit_code)
{
    if (error->offset == ERROR_NO_OFFSET)
        print_line(stderr, "yado: %s", error->message);
    else
        print_line(stderr, "yado: %s (at byte 0x%llx)", error->message,
                   (unsigned long long)error->offset);
    return exit_code;
}

void report_notice(const struct error *what)
{
    report(what, 0);
}

/* ---- files for the supervisor */

/* Its supervisor's bar ends. A file of its own: not every host can replace one. */
static void note_restored(const struct options *options)
{
    char restored[PATH_ROOM];
    if (!options->status_file)
        return;
    snprintf(restored, sizeof restored, "%s.restored", options->status_file);
    (void)file_write(restored, "", NULL);
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

/* ---- how it ended */

static void say_fuel(const struct options *options, const struct session *session)
{
    if (options->show_fuel && !session->moved)
        print_line(stderr, "fuel: %llu", (unsigned long long)session->execution.fuel_used);
}

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
static int trapped(const struct session *session, const char *heading)
{
    print_line(stderr, "yado: %s trapped: %s", session_name(session),
               session->execution.trap == TRAP_HOST && session->execution.host_message[0]
                   ? session->execution.host_message
                   : trap_message(session->execution.trap));
    if (heading && execution_depth(&session->execution) > 0)
        print_line(stderr, "  %s:", heading);
    execution_backtrace(&session->execution, trace_line, (void *)(uintptr_t)&session->module);
    return EXIT_GUEST_TRAPPED;
}

/* What a guest that has ended by itself means for its user, who may have asked for a checkpoint at
 * some fuel: it ended before, or sealed it polled no more behind that. A trap is one all the same. */
static int ended(const struct session *session, int exit_code, bool has_trapped)
{
    if (!session_missed_checkpoint(session))
        return exit_code;
    print_line(stderr,
               "yado: %s ended (%d) after %llu units of fuel: the checkpoint of --checkpoint-after "
               "%llu was not taken",
               session_name(session), exit_code, (unsigned long long)session->execution.fuel_used,
               (unsigned long long)session->snapshots->checkpoint_after);
    return has_trapped ? exit_code : EXIT_NOT_REACHED;
}

static int run(struct session *session)
{
    switch (session_run(session)) {
    case SESSION_DONE: invoke_print_results(&session->guest); return ended(session, 0, false);
    case SESSION_EXIT: return ended(session, (int)session->execution.exit_code, false);
    case SESSION_TRAP: return ended(session, trapped(session, NULL), true);
    case SESSION_CHECKPOINTED: return EXIT_CHECKPOINTED;
    case SESSION_FAILED: break;
    }
    return report(&session->error, EXIT_FAILED);
}

/* A trap goes on to the host, which knows the frames that have gone on here: they are its own. */
static void ended_inside(struct session *session, enum run_status status)
{
    const struct options *options = session->owner;
    int exit_code = EXIT_GUEST_TRAPPED;
    if (status == RUN_TRAP)
        trapped(session, "below the frames that the host shows");
    else
        exit_code = (int)session->execution.exit_code;
    exit_code = ended(session, exit_code, status == RUN_TRAP);
    say_fuel(options, session);
    note_status(options, exit_code);
    if (status == RUN_TRAP)
        abort();
    exit(exit_code);
}

/* ---- how it begins */

static bool begin(struct session *session, const struct options *options)
{
    if (!session_load(session))
        return false;
    if (!invoke_prepare(&session->guest, options, &session->error)) {
        session->makes_no_sense = session->error.kind == ERROR_USAGE;
        return session->makes_no_sense ? false
                                       : error_prefix(&session->error, "%s", session_name(session));
    }
    return guest_begin(&session->guest, &session->error);
}

static bool restore(struct session *session, const struct options *options)
{
    if (!session_restore(session))
        return false;
    if (!options->guest.standby)
        note_restored(options);
    return true;
}

static int play(const struct options *given,
                bool (*prepare)(struct session *session, const struct options *options))
{
    struct options options = *given;
    struct session session = {.options = &options.guest,
                              .snapshots = &options.snapshots,
                              .path = options.positional[0],
                              .arguments = options.positional,
                              .narguments = (uint32_t)options.npositional,
                              .say = report_notice,
                              .ended = ended_inside,
                              .owner = &options};
    if (options.guest.arg0)
        options.positional[0] = options.guest.arg0;
#ifdef YADO_SOCKETS /* natively they are open already, and outlive the guest's process */
    if (!listeners_open(&options.guest.listeners, &options.guest.listen, &session.error))
        return report(&session.error, EXIT_FAILED);
#endif
    session_open(&session);
    bool good = prepare(&session, &options);
    if (good && options.guest.own_module.data)
        note_status(&options, EXIT_GUEST_TRAPPED); /* a sealed guest's trap ends the host's run */
    int exit_code = good
                        ? run(&session)
                        : report(&session.error, session.makes_no_sense ? EXIT_USAGE : EXIT_FAILED);
    say_fuel(&options, &session);
    session_close(&session);
    if (!session.moved)
        note_status(&options, exit_code);
    return exit_code;
}

int play_run(const struct options *options)
{
    return play(options, begin);
}

int play_restore(const struct options *options)
{
    return play(options, restore);
}
