/* known.c - the hosts that there are: those built in, then the user's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/native/folders.h"
#include "cli/native/hosts/configuration.h"

/* Read once; kept for as long as the process runs. */
static struct host_list all;

static bool read_builtin(struct error *error)
{
    for (const struct builtin_file *file = builtin_files; file->name; file++) {
        char *text = strdup(file->text);
        if (!text)
            return error_set(error, ERROR_MEMORY, "no memory for the hosts");
        if (!configuration_read(&all, file->name, text, error))
            return false;
    }
    return true;
}

/* The user's file; "" when there is none. It says what is run, so nobody else may write it. */
static bool user_file(char path[PATH_ROOM], struct error *error)
{
    const char *given = getenv("YADO_HOSTS");
    char folder[PATH_ROOM] = "";
    *path = 0;
    if (given && *given)
        return path_set(path, error, "%s", given);
    if (!folder_find(FOLDER_CONFIG, folder, error))
        return !*folder; /* no home, and so no hosts of the user's */
    if (!path_set(path, error, "%s/hosts.conf", folder))
        return false;
    if (!file_exists(path))
        *path = 0;
    return true;
}

static bool read_users(struct error *error)
{
    static char path[PATH_ROOM];
    struct buffer text = {0};
    if (!user_file(path, error))
        return false;
    if (!*path)
        return true;
    bool good = file_read(path, &text, error);
    buffer_put_u8(&text, 0);
    if (good && text.failed)
        good = error_set(error, ERROR_MEMORY, "no memory for %s", path);
    if (good && strlen((const char *)text.data) + 1 != text.size)
        good = error_set(error, ERROR_USAGE, "%s: not a text", path);
    if (good) /* the list's strings stay in it */
        return configuration_read(&all, path, (char *)text.data, error);
    buffer_free(&text);
    return false;
}

const struct host *hosts_all(struct error *error)
{
    if (all.count == 0 && !(read_builtin(error) && read_users(error))) {
        all.count = 0;
        return NULL;
    }
    return all.hosts;
}

void host_names(bool listening, char names[HOST_NAMES])
{
    const struct host *host = hosts_all(NULL);
    snprintf(names, HOST_NAMES, "native");
    for (; host && host->name; host++) {
        size_t used = strlen(names);
        if (used + strlen(host->name) + sizeof ", , ..." > HOST_NAMES) {
            snprintf(names + used, HOST_NAMES - used, ", ...");
            return;
        }
        if (!listening || host->listen)
            snprintf(names + used, HOST_NAMES - used, ", %s", host->name);
    }
}

const struct host *host_named(const char *name, struct error *error)
{
    char names[HOST_NAMES];
    const struct host *host = hosts_all(error);
    if (!host)
        return NULL;
    for (; host->name; host++)
        if (strcmp(host->name, name) == 0)
            return host;
    host_names(false, names);
    error_set(error, ERROR_USAGE, "unknown host %s; there are: %s", name, names);
    return NULL;
}
