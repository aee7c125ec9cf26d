#include "guest/session.h"

#include <unistd.h>

#include "guest/bases.h"
#include "guest/drive.h"
#include "guest/making.h"
#include "guest/standby.h"

static void end(void *context, enum run_status status)
{
    struct session *session = context;
    session->ended(session, status);
}

void session_open(struct session *session)
{
    static const struct driving driving = {drive_refuel, drive_interrupted, end};
    session->error.offset = ERROR_NO_OFFSET;
    drive_begin(session);
    making_begin(session, &driving);
}

const char *session_name(const struct session *session)
{
    const char *path = session->guest.module_path;
    return path ? path : session->path;
}

/* What is asked for has to be there; and how far the guest has already come. */
static bool is_ready(struct session *session)
{
    const struct snapshot_options *snapshots = session->snapshots;
    const struct list *embed = &snapshots->embed;
    for (uint32_t i = 0; i < embed->count; i++)
        if (!wasi_can_embed(session->guest.wasi, embed->items[i], &session->error)) {
            session->makes_no_sense = true;
            return false;
        }
    session->after_is_over = session->execution.fuel_used >= snapshots->checkpoint_after;
    session->after_is_taken =
        session->after_is_over && snapshots->leave_running; /* before a move */
    return true;
}

bool session_load(struct session *session)
{
    return making_new(session) && is_ready(session);
}

static bool continue_from(struct session *session)
{
    struct snapshot snapshot;
    const char *path = session->path;
    const struct span *own = &session->options->own_snapshot;
    struct section bytes = {own->data, own->size};
    if (!bytes.data) {
        if (!chain_read_newest(path, session->snapshots, &session->snapshot_bytes, session->say,
                               &session->error))
            return session->error.kind == ERROR_SNAPSHOT ? error_prefix(&session->error, "%s", path)
                                                         : false;
        if (session->options->consume)
            unlink(path);
        bytes = (struct section){session->snapshot_bytes.data, session->snapshot_bytes.size};
    }
    if (!snapshot_open(&snapshot, bytes.data, bytes.size, &session->error) ||
        !making_find_module(session, &snapshot) || !making_restored(session, NULL, &snapshot))
        return error_prefix(&session->error, "%s", path);
    buffer_free(&session->snapshot_bytes);
    session->restored = true;
    return true;
}

bool session_restore(struct session *session)
{
    return (session->options->standby ? standby_receive : continue_from)(session) &&
           is_ready(session);
}

/* To the end of the present call. */
static enum session_end run_call(struct session *session)
{
    enum run_status status = RUN_DONE;
    if (!drive(session, &status))
        return SESSION_FAILED;
    if (session->checkpointed)
        return SESSION_CHECKPOINTED;
    return status == RUN_TRAP ? SESSION_TRAP : status == RUN_EXIT ? SESSION_EXIT : SESSION_DONE;
}

enum session_end session_run(struct session *session)
{
    struct guest *guest = &session->guest;
    for (;;) {
        enum session_end how = run_call(session);
        if (how != SESSION_DONE || guest->started)
            return how;
        if (!guest_call_next(guest, &session->error))
            return SESSION_FAILED;
    }
}

bool session_missed_checkpoint(const struct session *session)
{
    return session->snapshots->checkpoint_after && !session->after_is_taken;
}

void session_close(struct session *session)
{
    making_undo(session);
    if (session->module_loaded)
        module_free(&session->module);
    buffer_free(&session->module_bytes);
    buffer_free(&session->snapshot_bytes);
    buffer_free(&session->capture);
    buffer_free(&session->guest.arguments);
}
