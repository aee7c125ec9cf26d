#include "cli/native/verdict.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/output.h"
#include "cli/native/keep.h"
#include "cli/native/life.h"

#define FOLDER     "moves/"
#define LIFE       ".life"
#define TOKEN_SIZE 32
#define LOST       "then=the yado that received it was killed, and the guest with it\n"

static bool is_token(const char *token)
{
    return hex_is(token, TOKEN_SIZE);
}

static bool path_of(const char *token, const char *suffix, char path[PATH_ROOM],
                    struct error *error)
{
    char file[PATH_ROOM];
    if (!is_token(token))
        return error_set(error, ERROR_USAGE, "%.100s: not a move's token", token);
    return path_set(file, error, FOLDER "%s%s", token, suffix) && keep_path(file, path, error);
}

/* Held while a lock's file is made or removed, so that none is removed that somebody is about to
 * lock. For unlock_folder; without it, on a file system that has no locks, things go on. */
static int lock_folder(void)
{
    char path[PATH_ROOM];
    int folder =
        keep_path(FOLDER, path, NULL) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    while (folder >= 0 && flock(folder, LOCK_EX) != 0 && errno == EINTR)
        ;
    return folder;
}

static void unlock_folder(int folder)
{
    if (folder >= 0)
        close(folder);
}

/* ---- what it says */

/* Makes the file with these lines unless it is there; flushed, since this machine may fail next. */
static bool decide(const char *path, const char *lines, struct error *error)
{
    const struct output_options options = {.fresh = true, .sync = true};
    struct error own = {.offset = ERROR_NO_OFFSET};
    if (output_bytes(path, &options, lines, strlen(lines), &own) ||
        (own.kind == ERROR_USAGE && access(path, F_OK) == 0))
        return true;
    if (error)
        *error = own;
    return false;
}

static bool read_verdict(const char *path, struct buffer *text, struct error *error)
{
    bool good = file_read(path, text, error);
    buffer_put_u8(text, 0);
    if (good && text->failed)
        error_set(error, ERROR_MEMORY, "no memory for %s", path);
    return good && !text->failed;
}

static bool says(const struct buffer *text, const char *state)
{
    char value[16];
    return file_value((const char *)text->data, "state", value, sizeof value) &&
           strcmp(value, state) == 0;
}

/* ---- what nobody needs any more */

static bool is_needless(const char *token)
{
    char path[PATH_ROOM], life[PATH_ROOM];
    struct buffer text = {0};
    if (!path_of(token, "", path, NULL) || !path_of(token, LIFE, life, NULL) || life_goes_on(life))
        return false;
    bool needless = access(path, F_OK) != 0 || (read_verdict(path, &text, NULL) &&
                                                (says(&text, "revoked") || says(&text, "failed")));
    buffer_free(&text);
    return needless;
}

/* With the folder's lock. Asked about again, what is removed here would be "revoked". */
static void remove_needless(int folder)
{
    int copy = folder >= 0 ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    for (struct dirent *item; directory && (item = readdir(directory));) {
        char token[TOKEN_SIZE + 1]; /* and what follows it, LIFE or nothing, is cut */
        snprintf(token, sizeof token, "%s", item->d_name);
        if (is_token(token) && is_needless(token))
            verdict_forget(token);
    }
    if (directory)
        closedir(directory);
}

int verdict_begin(const char *token, struct error *error)
{
    char path[PATH_ROOM];
    if (!path_of(token, LIFE, path, error))
        return -1;
    int folder = lock_folder();
    remove_needless(folder);
    int life = life_begin(path, error);
    unlock_folder(folder);
    return life;
}

void verdict_end(const char *token, int life)
{
    char path[PATH_ROOM];
    if (life < 0)
        return;
    int folder = lock_folder();
    close(life);
    if (is_needless(token) && path_of(token, "", path, NULL) && access(path, F_OK) != 0)
        verdict_forget(token);
    unlock_folder(folder);
}

/* ---- one move */

bool verdict_start(const char *token, struct error *error)
{
    char path[PATH_ROOM], mine[64];
    struct buffer text = {0};
    snprintf(mine, sizeof mine, "state=started\npid=%d\n", (int)getpid());
    bool good = path_of(token, "", path, error) && decide(path, mine, error) &&
                read_verdict(path, &text, error);
    if (good && strcmp((const char *)text.data, mine) != 0)
        good = error_set(error, ERROR_IO,
                         "the guest was told to go, but has been asked about "
                         "before: it goes on where it was");
    buffer_free(&text);
    return good;
}

void verdict_write(const char *token, const char *lines)
{
    char path[PATH_ROOM];
    if (path_of(token, "", path, NULL))
        output_bytes(path, &(struct output_options){.sync = true}, lines, strlen(lines), NULL);
}

void verdict_forget(const char *token)
{
    static const char *const suffixes[] = {"", LIFE};
    char path[PATH_ROOM];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (path_of(token, suffixes[i], path, NULL))
            unlink(path);
}

/* Whether it has begun, and neither lives nor has anybody said what became of it. One of a yado that
 * knew no locks is taken at its word. */
static bool is_lost(const char *token, const struct buffer *text)
{
    char path[PATH_ROOM];
    return says(text, "started") && !strstr((const char *)text->data, "\nthen=") &&
           path_of(token, LIFE, path, NULL) && access(path, F_OK) == 0 && !life_goes_on(path);
}

bool verdict_ask(const char *token, struct buffer *text, struct error *error)
{
    char path[PATH_ROOM];
    struct buffer again = {0};
    if (!path_of(token, "", path, error) || !decide(path, "state=revoked\n", error) ||
        !read_verdict(path, text, error))
        return false;
    /* it may have ended in between, and said so */
    if (is_lost(token, text) && read_verdict(path, &again, NULL) && is_lost(token, &again)) {
        text->size = 0;
        buffer_put(text, "state=lost\n" LOST, sizeof "state=lost\n" LOST);
    }
    buffer_free(&again);
    return !text->failed || error_set(error, ERROR_MEMORY, "no memory for a verdict");
}
