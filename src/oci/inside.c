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
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/asking.h"
#include "cli/native/process.h"
#include "cli/native/registry.h"
#include "cli/print.h"
#include "guest/hold.h"
#include "host/host.h"
#include "oci/images.h"
#include "oci/init.h"
#include "wasi/wasi.h"

#define ANSWER_SECONDS 30
#define LEAVE          'l'
#define GO_ON          'g'

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
    return (init_environment(container->folder, control) && chdir(control) == 0) ||
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

/* One request, with the guest's turn. */
struct request_inside {
    struct registered entry;
    struct turn turn;
    char id[REQUEST_ID_ROOM];
    char snapshot[PATH_ROOM], base[PATH_ROOM], hold[PATH_ROOM];
    struct buffer answer;
};

static bool copy_base(const struct request_inside *asked, int base)
{
    if (base < 0)
        return true;
    int file = open(asked->base, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = file >= 0 && copy(base, file);
    return (file >= 0 ? close(file) == 0 && good : good) || says("the snapshot before");
}

static bool deliver(const struct request_inside *asked, int output)
{
    int file = open(asked->snapshot, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool good = (file >= 0 && copy(file, output)) || says("the snapshot");
    if (file >= 0)
        close(file);
    return good;
}

static void rest(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* Waits for something of the guest's that comes soon if it comes. */
static bool await(struct request_inside *asked, bool (*has_come)(struct request_inside *))
{
    const uint64_t end = host_monotonic() + ANSWER_SECONDS * 1000000000ull;
    while (!has_come(asked)) {
        if (!entry_is_alive(&asked->entry) && !has_come(asked)) {
            print_line(stderr, "the guest ended before it was checkpointed");
            return false;
        }
        if (host_monotonic() > end) {
            print_line(stderr, "the guest did not answer within %d s", ANSWER_SECONDS);
            return false;
        }
        rest();
    }
    return true;
}

static bool turn_has_come(struct request_inside *asked)
{
    return turn_try_politely(&asked->turn, &asked->entry);
}

static bool answer_has_come(struct request_inside *asked)
{
    return asking_answered(&asked->entry, asked->id, &asked->answer);
}

static bool set_paths(struct request_inside *asked, struct error *error)
{
    const char *directory = asked->entry.directory;
    asking_id(asked->id);
    return path_set(asked->snapshot, error, "%s/snapshot.%s", directory, asked->id) &&
           path_set(asked->base, error, "%s/base.%s", directory, asked->id) &&
           path_set(asked->hold, error, "%s/hold.%s", directory, asked->id);
}

static bool post(struct request_inside *asked, bool has_base, struct error *error)
{
    const struct request request = {.id = asked->id,
                                    .snapshot = asked->snapshot,
                                    .base = has_base ? asked->base : NULL,
                                    .base_note = has_base ? IMAGES_SNAPSHOT : NULL,
                                    .hold = asked->hold,
                                    .files = WASI_FILES_VERIFY};
    return asking_post(&asked->entry, &request, "", error);
}

static bool ask(struct request_inside *asked, const struct inside *inside)
{
    struct error error = {.offset = ERROR_NO_OFFSET};
    bool good = registry_find(INIT_GUEST, &asked->entry, &error) && await(asked, turn_has_come);
    if (good) {
        entry_withdraw(&asked->entry); /* of a call that was killed */
        good = set_paths(asked, &error) && copy_base(asked, inside->base) &&
               post(asked, inside->base >= 0, &error) && await(asked, answer_has_come) &&
               asking_was_done(&asked->answer, &error) && deliver(asked, inside->output);
    }
    if (error.message[0])
        print_line(stderr, "%s", error.message);
    return good;
}

/* The end of what is said tells the parent that it is all; then it gives its verdict. */
static bool is_to_leave(void)
{
    char verdict = 0;
    fflush(NULL);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    return read(STDIN_FILENO, &verdict, 1) == 1 && verdict == LEAVE;
}

static int child(const struct inside *inside)
{
    static struct request_inside asked;
    char leave[PATH_ROOM];
    if (!enter(inside))
        return 1;
    bool good = ask(&asked, inside);
    if (good) {
        printf("%s", (const char *)asked.answer.data);
        if (is_to_leave())
            good = path_set(leave, NULL, "%s" HOLD_LEAVE, asked.hold) &&
                   rename(asked.hold, leave) == 0;
    }
    if (asked.turn.held)
        entry_withdraw(&asked.entry); /* a guest that is still held goes on */
    turn_end(&asked.turn);
    return good ? 0 : 1;
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

static bool wait_for(pid_t process)
{
    int status = 0;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return status == 0;
}

static bool pipes(int said[2], int verdict[2], struct error *error)
{
    if (pipe2(said, O_CLOEXEC) == 0) {
        if (pipe2(verdict, O_CLOEXEC) == 0)
            return true;
        close(said[0]);
        close(said[1]);
    }
    return error_set(error, ERROR_IO, "no pipe: %s", strerror(errno));
}

bool inside_ask(struct inside *inside, struct buffer *said, struct error *error)
{
    int saying[2] = {-1, -1}, verdict[2] = {-1, -1};
    char ok[8];
    if (!pipes(saying, verdict, error))
        return false;
    const int streams[3] = {verdict[0], saying[1], saying[1]};
    bool good = process_fork(streams, &inside->child, error);
    if (good && inside->child == 0) {
        /* Or what it has of its own keeps both ends waiting. */
        close(verdict[0]);
        close(verdict[1]);
        close(saying[0]);
        close(saying[1]);
        _exit(child(inside));
    }
    close(saying[1]);
    close(verdict[0]);
    inside->verdict = verdict[1];
    bool read = good && read_all(saying[0], said);
    close(saying[0]);
    buffer_put_u8(said, 0);
    char *text = said->failed ? (char[]){""} : (char *)said->data;
    if (read && file_value(text, "ok", ok, sizeof ok))
        return true;
    if (good)
        (void)inside_decide(inside, false);
    text[strcspn(text, "\n")] = 0;
    return good && error_set(error, ERROR_IO, "%s", *text ? text : "its guest could not be asked");
}

bool inside_decide(struct inside *inside, bool leave)
{
    const char verdict = leave ? LEAVE : GO_ON;
    bool told = write(inside->verdict, &verdict, 1) == 1;
    close(inside->verdict);
    return wait_for(inside->child) && told;
}
