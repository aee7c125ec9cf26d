/* verb_restore.c - a container whose guest goes on from what `checkpoint` wrote. It runs when this
 * returns, and is its subreaper's as after `create`: --detach is not asked for, it is so. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "host/host.h"
#include "oci/images.h"
#include "oci/oci_container.h"

/* An image may be anybody's, so that a link is not followed. */
static bool is_there(const char *path)
{
    struct stat stat_;
    return lstat(path, &stat_) == 0 && S_ISREG(stat_.st_mode);
}

static bool bring_one(const char *from, const char *control, const char *name, uid_t uid, gid_t gid,
                      struct error *error)
{
    char path[PATH_ROOM];
    return path_set(path, error, "%s/%s", control, name) && output_copy(from, path, NULL, error) &&
           (chown(path, uid, gid) == 0 ||
            error_set(error, ERROR_IO, "cannot give %s to its user: %s", path, strerror(errno)));
}

/* The next directory of a chain: the link in this one; for the first, what the engine says. */
static bool next(const struct call *call, char directory[PATH_ROOM], bool first)
{
    char path[PATH_ROOM];
    const char *parent = first ? call->parent_path : NULL;
    if (parent && *parent == '/')
        return path_set(directory, NULL, "%s", parent);
    if (!path_set(path, NULL, "%s/%s", directory, parent ? parent : "parent"))
        return false;
    return path_set(directory, NULL, "%s", path);
}

static size_t bring(const struct call *call, const char *control, uid_t uid, gid_t gid,
                    const char *names[SNAPSHOTS_MAX], struct error *error)
{
    static char room[SNAPSHOTS_MAX][24];
    char directory[PATH_ROOM], path[PATH_ROOM];
    size_t n = 0;
    if (!path_set(directory, error, "%s", call->image_path ? call->image_path : "checkpoint"))
        return 0;
    for (; n < SNAPSHOTS_MAX; n++) {
        if ((n > 0 && !next(call, directory, n == 1)) ||
            !path_set(path, NULL, "%s/" IMAGES_SNAPSHOT, directory) || !is_there(path))
            break;
        snprintf(room[n], sizeof room[n], "restore-%zu.snap", n);
        names[n] = room[n];
        if (!bring_one(path, control, room[n], uid, gid, error))
            return 0;
    }
    if (n == 0)
        error_set(error, ERROR_USAGE, "%s has no snapshot of Yadokari's (" IMAGES_SNAPSHOT ")",
                  directory);
    return n;
}

/* One that could be made but not started is not left. */
static int start(struct call *call, struct error *error)
{
    struct below below;
    const char *const words[] = {"start", call->id, NULL};
    if (!below_find(call, &below, error))
        return -1;
    int code = below_run(call, &below, words, error);
    if (code != 0) {
        call->force = true;
        (void)verb_delete(call, NULL);
    }
    return code;
}

int verb_restore(struct call *call, struct error *error)
{
    const uint64_t begun = host_monotonic();
    int code = container_create(call, bring, error);
    if (code == 0)
        code = start(call, error);
    const char *work_path = call->work_path ? call->work_path : call->image_path;
    if (code == 0 && work_path &&
        !images_write_restore(work_path, (host_monotonic() - begun) / 1000, error))
        call_report(call, error); /* the guest runs: no reason to say that it does not */
    return code;
}
