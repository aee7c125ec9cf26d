/* verb_checkpoint.c - a container's guest becomes files that `restore` goes on from.
 *
 * containerd has paused the container before, and resumes it afterwards. A guest that is frozen can
 * answer nobody: it is let go for the time of the snapshot and frozen again. With --pre-dump it goes
 * on in any case, and the next snapshot, with --parent-path, has only what changed since. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "oci/images.h"
#include "oci/inside.h"

#define END_MILLISECONDS 10000

struct taking {
    const struct call *call;
    struct below below;
    struct container container;
    struct inside inside;
    char image_path[PATH_ROOM], work_path[PATH_ROOM];
    bool was_paused;
    struct dump_stats stats;
    struct buffer said;
};

static bool set_paths(struct taking *taking, struct error *error)
{
    const struct call *call = taking->call;
    const char *image_path = call->image_path ? call->image_path : "checkpoint";
    if (!path_set(taking->image_path, error, "%s", image_path) ||
        !path_set(taking->work_path, error, "%s", call->work_path ? call->work_path : image_path))
        return false;
    return ((mkdir(taking->image_path, 0700) == 0 || errno == EEXIST) &&
            (mkdir(taking->work_path, 0700) == 0 || errno == EEXIST)) ||
           error_set(error, ERROR_IO, "cannot make %s: %s", taking->image_path, strerror(errno));
}

static bool look(struct taking *taking, struct error *error)
{
    json_t *state = container_state(taking->call, error);
    const char *status = json_string_value(json_object_get(state, "status"));
    if (!state)
        return false;
    taking->inside.pid = (int)json_integer_value(json_object_get(state, "pid"));
    taking->was_paused = status && strcmp(status, "paused") == 0;
    bool good = taking->was_paused || (status && strcmp(status, "running") == 0) ||
                error_set(error, ERROR_USAGE, "container %s is not running", taking->call->id);
    json_decref(state);
    return good;
}

static bool below_does(const struct taking *taking, const char *verb, struct error *error)
{
    const char *const words[] = {verb, taking->call->id, NULL};
    struct buffer output = {0};
    bool good = below_ask(taking->call, &taking->below, words, &output, error);
    buffer_free(&output);
    return good;
}

/* --parent-path is relative to --image-path, as CRIU has it. */
static bool open_base(struct taking *taking, struct error *error)
{
    const char *parent = taking->call->parent_path;
    char path[PATH_ROOM];
    struct stat stat_;
    taking->inside.base = -1;
    if (!parent)
        return true;
    if (!path_set(path, error, "%s%s%s/" IMAGES_SNAPSHOT, *parent == '/' ? "" : taking->image_path,
                  *parent == '/' ? "" : "/", parent))
        return false;
    taking->inside.base = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (taking->inside.base < 0 || fstat(taking->inside.base, &stat_) != 0)
        return error_set(error, ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    taking->stats.whole = (uint64_t)stat_.st_size;
    return true;
}

static bool open_output(struct taking *taking, char part[PATH_ROOM], struct error *error)
{
    if (!path_set(part, error, "%s/" IMAGES_SNAPSHOT ".part", taking->image_path))
        return false;
    (void)unlink(part);
    taking->inside.output = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return taking->inside.output >= 0 ||
           error_set(error, ERROR_IO, "cannot make %s: %s", part, strerror(errno));
}

static void read_answer(struct taking *taking)
{
    char number[32] = "";
    const char *lines = (const char *)taking->said.data;
    file_value(lines, "nanoseconds", number, sizeof number);
    taking->stats.microseconds = strtoull(number, NULL, 10) / 1000;
    file_value(lines, "size", number, sizeof number);
    taking->stats.bytes = strtoull(number, NULL, 10);
}

/* What belongs to the snapshot is written while the guest is held, and the file gets its name when
 * it is whole. A container that was frozen is frozen again before its guest may go on. */
static bool complete(struct taking *taking, const char *part, struct error *error)
{
    char path[PATH_ROOM];
    read_answer(taking);
    if (!path_set(path, error, "%s/" IMAGES_SNAPSHOT, taking->image_path) ||
        !images_write(taking->image_path, taking->work_path, taking->call->parent_path,
                      &taking->stats, (const char *)taking->said.data, error))
        return false;
    return rename(part, path) == 0 ||
           error_set(error, ERROR_IO, "cannot make %s: %s", path, strerror(errno));
}

static bool take(struct taking *taking, bool leave, struct error *error)
{
    char part[PATH_ROOM];
    if (!open_base(taking, error) || !open_output(taking, part, error))
        return false;
    bool good = inside_ask(&taking->inside, &taking->said, error);
    close(taking->inside.output);
    if (good) {
        bool complete_ = complete(taking, part, error),
             frozen = !taking->was_paused || (complete_ && leave) ||
                      below_does(taking, "pause", complete_ ? error : NULL);
        good = inside_decide(&taking->inside, complete_ && leave) && complete_ && frozen;
        taking->was_paused = false;
    }
    if (!good)
        (void)unlink(part);
    return good;
}

/* Engines believe the container to be stopped when this returns. */
static void wait_end(int process)
{
    struct pollfd end = {.fd = process, .events = POLLIN};
    if (process >= 0)
        (void)poll(&end, 1, END_MILLISECONDS);
}

static bool checkpoint(struct taking *taking, struct error *error)
{
    const struct call *call = taking->call;
    const bool leave = !call->leave_running && !call->pre_dump;
    int process = (int)syscall(SYS_pidfd_open, taking->inside.pid, 0);
    taking->inside.container = &taking->container;
    bool good =
        (!taking->was_paused || below_does(taking, "resume", error)) && take(taking, leave, error);
    if (good && leave)
        wait_end(process);
    else if (taking->was_paused) /* it could not even be asked */
        (void)below_does(taking, "pause", NULL);
    if (process >= 0)
        close(process);
    return good;
}

int verb_checkpoint(struct call *call, struct error *error)
{
    static struct taking taking;
    taking.call = call;
    taking.inside.base = -1;
    if (!below_find(call, &taking.below, error))
        return -1;
    if (!container_exists(call))
        return below_become(call, &taking.below, error), -1;
    bool good = container_load(call, &taking.container, error) && set_paths(&taking, error) &&
                look(&taking, error) && checkpoint(&taking, error);
    if (taking.inside.base >= 0)
        close(taking.inside.base);
    buffer_free(&taking.said);
    return good ? 0 : -1;
}
