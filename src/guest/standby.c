#include "guest/standby.h"

#include <stdio.h>

#include "base/file.h"
#include "guest/drive.h"
#include "guest/hold.h"
#include "guest/making.h"

struct standby {
    struct session *session;
    const char *directory;
    char path[4200];
};

static const char *path_in(struct standby *standby, const char *name)
{
    snprintf(standby->path, sizeof standby->path, "%s/%s", standby->directory, name);
    return standby->path;
}

static bool is_there(struct standby *standby, const char *name)
{
    return file_exists(path_in(standby, name));
}

/* The next snapshot, "last" being the last. */
static bool await_next(struct standby *standby, unsigned index)
{
    char name[16];
    snprintf(name, sizeof name, "%u", index);
    for (;;) {
        if (is_there(standby, name))
            return true;
        if (is_there(standby, "last"))
            return false;
        rest_a_moment();
    }
}

static bool read_next(struct standby *standby, struct snapshot *snapshot)
{
    struct session *session = standby->session;
    session->snapshot_bytes.size = 0;
    return file_read(standby->path, &session->snapshot_bytes, &session->error) &&
           snapshot_open(snapshot, session->snapshot_bytes.data, session->snapshot_bytes.size,
                         &session->error);
}

static bool apply(struct standby *standby, unsigned index, struct snapshot *snapshot)
{
    struct session *session = standby->session;
    if (!read_next(standby, snapshot))
        return false;
    if (index == 0 &&
        (!making_find_module(session, snapshot) ||
         !replica_begin(&session->replica, &session->module,
                        (uint32_t)(session->options->max_memory >> 16), &session->error)))
        return false;
    return snapshot_check_module(snapshot, session->module_view.data, session->module_view.size,
                                 &session->error) &&
           replica_apply(&session->replica, snapshot, &session->error);
}

static bool say(struct standby *standby, const char *name)
{
    char text[40];
    snprintf(text, sizeof text, "time=%llu\n", (unsigned long long)wall_time());
    return file_write(path_in(standby, name), text, &standby->session->error);
}

/* So that whoever sends the snapshots knows how far this is. */
static bool say_applied(struct standby *standby, unsigned index)
{
    char name[32];
    snprintf(name, sizeof name, "applied-%u", index);
    return say(standby, name);
}

static bool receive(struct standby *standby)
{
    struct session *session = standby->session;
    struct snapshot snapshot;
    unsigned index = 0;
    for (; await_next(standby, index); index++)
        if (!apply(standby, index, &snapshot) || !say_applied(standby, index))
            return false;
    if (!apply(standby, index, &snapshot) ||
        !making_restored(session, &session->replica, &snapshot) || !say(standby, "ready"))
        return false;
    buffer_free(&session->snapshot_bytes);
    while (!is_there(standby, "go"))
        rest_a_moment();
    drive_begin(session);
    return say(standby, "running");
}

bool standby_receive(struct session *session)
{
    struct standby standby = {.session = session, .directory = session->path};
    session->restored = true;
    bool good = receive(&standby);
    replica_free(&session->replica);
    return good;
}
