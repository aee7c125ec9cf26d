#include "cli/native/entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/life.h"
#include "guest/hold.h"

char *registry_path(const struct registered *entry, const char *file, char path[REGISTRY_PATH_MAX])
{
    (void)path_set(path, NULL, "%s/%s", entry->directory, file);
    return path;
}

/* ---- locks */

bool entry_live(struct registered *entry, struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    int turn = open(registry_path(entry, "turn", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool good =
        turn >= 0 || error_set(error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
    if (good)
        close(turn);
    entry->life = good ? life_begin(registry_path(entry, "life", path), error) : -1;
    return entry->life >= 0;
}

bool entry_is_alive(const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    return life_goes_on(registry_path(entry, "life", path));
}

/* ---- turns */

bool turn_try(struct turn *turn, const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    struct stat locked, there;
    turn->lock = open(registry_path(entry, "turn", path), O_RDWR | O_CLOEXEC);
    turn->held = turn->lock >= 0 && life_lock(turn->lock) && fstat(turn->lock, &locked) == 0 &&
                 stat(path, &there) == 0 && there.st_dev == locked.st_dev &&
                 there.st_ino == locked.st_ino;
    if (!turn->held && turn->lock >= 0)
        close(turn->lock);
    return turn->held;
}

void turn_end(struct turn *turn)
{
    if (turn->held)
        close(turn->lock);
    *turn = (struct turn){0};
}

void turn_claim(const struct registered *entry, bool claimed)
{
    char path[REGISTRY_PATH_MAX];
    registry_path(entry, "claimed", path);
    if (claimed)
        (void)file_write(path, "", NULL);
    else
        unlink(path);
}

bool turn_try_politely(struct turn *turn, const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    if (file_exists(registry_path(entry, "claimed", path)) || !turn_try(turn, entry))
        return false;
    if (file_exists(path)) /* said in between */
        turn_end(turn);
    return turn->held;
}

/* ---- what nobody has taken */

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static bool ends(const char *name, const char *with)
{
    size_t length = strlen(name), size = strlen(with);
    return length >= size && strcmp(name + length - size, with) == 0;
}

/* Each request has a `hold` of its own, so that a guest does not take another's for the one that it
 * waits for. */
static bool find_hold(const struct registered *entry, bool let_go, char path[REGISTRY_PATH_MAX])
{
    bool found = false;
    DIR *directory = opendir(entry->directory);
    for (struct dirent *item; directory && !found && (item = readdir(directory));)
        found = begins(item->d_name, "hold.") && !ends(item->d_name, ".part") &&
                ends(item->d_name, HOLD_LEAVE) == let_go &&
                path_set(path, NULL, "%s/%s", entry->directory, item->d_name);
    if (directory)
        closedir(directory);
    return found;
}

bool entry_is_held(const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    return find_hold(entry, false, path);
}

bool entry_was_let_go(const struct registered *entry, char path[REGISTRY_PATH_MAX])
{
    return find_hold(entry, true, path);
}

static bool is_unwanted(const char *name)
{
    return (begins(name, "hold.") || begins(name, "snapshot.") || begins(name, "base.")) &&
           !ends(name, HOLD_LEAVE) && !ends(name, ".part");
}

void entry_withdraw(const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX];
    unlink(registry_path(entry, "request", path));
    DIR *directory = opendir(entry->directory);
    const int at = directory ? dirfd(directory) : -1;
    for (struct dirent *item; at >= 0 && (item = readdir(directory));)
        if (is_unwanted(item->d_name))
            unlinkat(at, item->d_name, 0);
    if (directory)
        closedir(directory);
}

void entry_tidy(const struct registered *entry)
{
    struct turn turn;
    if (turn_try(&turn, entry))
        entry_withdraw(entry);
    turn_end(&turn);
}
