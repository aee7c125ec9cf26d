#include "oci/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/native/process.h"
#include "cli/print.h"
#include "oci/init.h"

/* ---- in the child: messages go to standard error, which the parent reads */

static bool says(const char *what)
{
    print_line(stderr, "%s: %s", what, strerror(errno));
    return false;
}

static int open_namespace(int pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Whether it is the one that this process is in, which cannot be entered again. */
static bool is_own(int file, const char *name)
{
    char path[64];
    struct stat its, own;
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    return fstat(file, &its) == 0 && stat(path, &own) == 0 && its.st_dev == own.st_dev &&
           its.st_ino == own.st_ino;
}

static bool enter(const struct inside *inside)
{
    const struct container *container = inside->container;
    char control[PATH_ROOM];
    int user = open_namespace(inside->pid, "user"), mounts = open_namespace(inside->pid, "mnt");
    if (user < 0 || mounts < 0)
        return says("the container's namespaces");
    if (!is_own(user, "user") && setns(user, CLONE_NEWUSER) != 0)
        return says("the container's user namespace");
    if (setns(mounts, CLONE_NEWNS) != 0)
        return says("the container's mounts");
    if ((setgroups(0, NULL) != 0 && errno != EPERM) ||
        setresgid(container->gid, container->gid, container->gid) != 0 ||
        setresuid(container->uid, container->uid, container->uid) != 0)
        return says("the container's user");
    umask(077);
    return (clearenv() == 0 && path_set(control, NULL, "%s/control", container->folder) &&
            setenv("XDG_RUNTIME_DIR", control, 1) == 0 && setenv("HOME", control, 1) == 0 &&
            chdir(control) == 0) ||
           says("the container's control directory");
}

static bool copy(int from, int to)
{
    static char bytes[1 << 16];
    for (ssize_t size; (size = read(from, bytes, sizeof bytes)) != 0;) {
        if (size < 0)
            return false;
        for (ssize_t done = 0, part; done < size; done += part)
            if ((part = write(to, bytes + done, (size_t)(size - done))) < 0)
                return false;
    }
    return true;
}

static bool copy_base(int base)
{
    if (base < 0)
        return true;
    int file = open("base.snap", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = file >= 0 && copy(base, file);
    return (file >= 0 ? close(file) == 0 && good : good) || says("the snapshot before");
}

static bool deliver(int output)
{
    int file = open("out.snap", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool good = file >= 0 && copy(file, output) && fsync(output) == 0;
    if (!good)
        says("the snapshot");
    if (file >= 0)
        close(file);
    return good;
}

/* A guest that does not go on waits until its snapshot is delivered only into P/control: from there
 * it is read afterwards, and what cannot be written outside is still there. */
static int ask(const struct inside *inside)
{
    const char *words[16] = {"--output", "out.snap", "--files", "verify"};
    int n = 4;
    if (!enter(inside) || !copy_base(inside->base))
        return 1;
    if (inside->leave_running)
        words[n++] = "--leave-running";
    if (inside->base >= 0) {
        words[n++] = "--base";
        words[n++] = "base.snap";
    }
    words[n++] = INIT_GUEST;
    int code = command_checkpoint(n, words);
    if (code == 0 && !deliver(inside->output))
        code = 1;
    (void)unlink("base.snap");
    (void)unlink("out.snap");
    fflush(stdout);
    return code;
}

/* ---- in the parent */

static bool read_all(int file, struct buffer *text)
{
    for (;;) {
        uint8_t *room = buffer_extend(text, 4096);
        ssize_t size = room ? read(file, room, 4096) : -1;
        if (room)
            text->size -= 4096 - (size_t)(size > 0 ? size : 0);
        if (size <= 0)
            return size == 0;
    }
}

static bool wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return status == 0;
}

bool inside_checkpoint(const struct inside *inside, struct buffer *said, struct error *error)
{
    int ends[2];
    pid_t child = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(error, ERROR_IO, "no pipe: %s", strerror(errno));
    const int streams[3] = {-1, ends[1], ends[1]};
    bool good = process_fork(streams, &child, error);
    if (good && child == 0)
        exit(ask(inside));
    close(ends[1]);
    bool read = good && read_all(ends[0], said);
    close(ends[0]);
    good = good && wait_for(child) && read;
    buffer_put_u8(said, 0);
    if (good || child < 0)
        return good;
    char *text = said->failed ? (char[]){""} : (char *)said->data;
    text[strcspn(text, "\n")] = 0;
    return error_set(error, ERROR_IO, "%s", *text ? text : "it failed");
}
