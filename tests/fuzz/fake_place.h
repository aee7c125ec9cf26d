/* fake_place.h - a place for tests of the link, in which nothing runs: it notes what it is asked
 * for, and aborts where the receiver lets another machine ask for what makes no sense. */
#ifndef TESTS_FAKE_PLACE_H
#define TESTS_FAKE_PLACE_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/receiver.h"
#include "guest/hold.h"

static struct fake {
    bool refuses_to_go; /* what the test wants of it */
    bool refuses_snapshots;
    unsigned turns_left; /* how often it has not ended yet when it is asked; 0: it never ends */
    bool prepared, complete, runs, held, gone, has_ended, abandoned; /* what has become of it */
    unsigned begun; /* how often it was told to go */
    int last_signal;
    int output; /* its end of the pipe */
} fake;

static char fake_directory[64];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool fake_snapshot(struct place *place, const struct wanted *wanted, struct taken *taken,
                          struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    require(fake.runs && !fake.held && !fake.gone);
    require(strspn(wanted->file, "0123456789") == strlen(wanted->file) ||
            strcmp(wanted->file, "last") == 0);
    require(strspn(wanted->base, "0123456789") == strlen(wanted->base));
    require(wanted->files <= WASI_FILES_EMBED);
    if (fake.refuses_snapshots)
        return error_set(error, ERROR_IO, "no snapshot");
    *taken = (struct taken){.size = 5, .stopped = wall_time()};
    require(file_write(incoming_path(place->supervisor, wanted->file, path), "state", error));
    fake.held = wanted->hold;
    return true;
}

static bool fake_resume(struct place *place, struct error *error)
{
    (void)place, (void)error;
    require(fake.runs && !fake.gone);
    fake.held = false;
    return true;
}

static void fake_leave(struct place *place)
{
    (void)place;
    require(fake.held);
    fake.gone = true;
}

static bool fake_prepare(struct place *place, const char *module, struct error *error)
{
    (void)module, (void)error;
    require(!fake.prepared);
    fake.prepared = true;
    fake.output = dup(place->supervisor->output);
    return write(fake.output, "words\n", 6) == 6;
}

static bool fake_apply(struct place *place, const char *file, uint64_t *when, struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    (void)error;
    require(fake.prepared && !fake.complete &&
            file_exists(incoming_path(place->supervisor, file, path)));
    fake.complete = strcmp(file, "last") == 0;
    *when = wall_time();
    return true;
}

static enum gone fake_go(struct place *place, uint64_t *when, struct error *error)
{
    (void)place;
    require(fake.complete && fake.begun++ == 0);
    *when = wall_time();
    fake.runs = !fake.refuses_to_go;
    return fake.runs ? GONE_RUNS : (error_set(error, ERROR_IO, "no"), GONE_NOT);
}

static void fake_abandon(struct place *place)
{
    (void)place;
    require(fake.prepared && !fake.abandoned);
    fake.abandoned = true;
    if (fake.output >= 0)
        close(fake.output);
}

static bool fake_has_ended(struct place *place)
{
    (void)place;
    if (fake.turns_left > 1)
        fake.turns_left--;
    else if (fake.turns_left == 1)
        fake.has_ended = true;
    if (!fake.has_ended)
        return false;
    if (fake.output >= 0)
        close(fake.output);
    fake.output = -1;
    return true;
}

static void fake_signal(struct place *place, int number)
{
    (void)place;
    require(fake.runs);
    require(number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM);
    fake.last_signal = number;
}

static int fake_exit_code(struct place *place, FILE *errors)
{
    (void)place;
    fputs("why\n", errors);
    return 137;
}

static const struct place_kind fake_kind = {.snapshot = fake_snapshot,
                                            .resume = fake_resume,
                                            .leave = fake_leave,
                                            .prepare = fake_prepare,
                                            .apply = fake_apply,
                                            .go = fake_go,
                                            .abandon = fake_abandon,
                                            .has_ended = fake_has_ended,
                                            .signal = fake_signal,
                                            .exit_code = fake_exit_code};

static bool fake_ready(struct receiver *receiver)
{
    (void)receiver;
    return true;
}

static void fake_detach(struct receiver *receiver)
{
    (void)receiver;
    require(fake.runs);
}

static const struct receiver_world fake_world = {&fake_kind, fake_ready, fake_detach};

/* ---- where it all lies */

static int fake_remove(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)found, (void)kind;
    bool registry = at->level == 1 && strstr(path + at->base, "yadokari-") == path + at->base;
    return at->level == 0 || registry ? 0 : remove(path);
}

static void fake_clear(void)
{
    nftw(fake_directory, fake_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void fake_end(void)
{
    char registry[128];
    fake_clear();
    snprintf(registry, sizeof registry, "%s/yadokari-%u", fake_directory, (unsigned)getuid());
    rmdir(registry);
    rmdir(fake_directory);
}

/* Registry and kept state in a directory of its own, in memory where that can be. */
static void fake_begin(void)
{
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(fake_directory, sizeof fake_directory, "%s/yado-link-XXXXXX", root);
    require(mkdtemp(fake_directory) != NULL);
    setenv("XDG_RUNTIME_DIR", fake_directory, 1);
    setenv("XDG_STATE_HOME", fake_directory, 1);
    atexit(fake_end);
}

/* How many guests the registry holds, those half made included. */
static unsigned fake_entries(void)
{
    char path[128];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/yadokari-%u", fake_directory, (unsigned)getuid());
    DIR *directory = opendir(path);
    for (struct dirent *item; directory && (item = readdir(directory));)
        count += strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
    if (directory)
        closedir(directory);
    return count;
}

/* A file in memory with these bytes, at its beginning: what comes from another machine that says
 * all of it at once and then is gone. */
static int fake_peer(const void *data, size_t size)
{
    int file = memfd_create("peer", MFD_CLOEXEC);
    require(file >= 0 && write(file, data, size) == (ssize_t)size && lseek(file, 0, SEEK_SET) == 0);
    return file;
}

#endif
