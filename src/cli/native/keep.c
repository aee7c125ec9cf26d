#include "cli/native/keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/chain.h"
#include "cli/native/envelopes.h"

bool keep_path(const char *file, char path[1024], struct error *error)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state)
        snprintf(path, 1024, "%.700s/yadokari/%.250s", state, file);
    else
        snprintf(path, 1024, "%.700s/.local/state/yadokari/%.250s", home ? home : "/tmp", file);
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            int made = mkdir(path, 0700);
            *at = '/';
            if (made != 0 && errno != EEXIST)
                return error_set(error, ERROR_IO, "cannot create the directories of %s: %s", path,
                                 strerror(errno));
        }
    return true;
}

/* The snapshots of incoming/ as one, under a name of its own. Their notes say where their bases
 * are. */
static bool join(const struct supervisor *supervisor, char path[1024], struct error *error)
{
    char last[REGISTRY_PATH_MAX], file[256];
    struct options options = {0};
    struct buffer bytes = {0};
    snprintf(file, sizeof file, "%.120s-%d.snap", supervisor->entry.name, supervisor->entry.pid);
    bool good = keep_path(file, path, error) &&
                chain_read(incoming_path(supervisor, "last", last), &options, &bytes, error) &&
                envelopes_put(supervisor->options, &bytes, path, NULL, error);
    buffer_free(&bytes);
    return good;
}

void keep_snapshot(const struct supervisor *supervisor, struct error *error)
{
    char path[1024], why[512];
    struct error own = {.offset = ERROR_NO_OFFSET};
    snprintf(why, sizeof why, "%.250s", error->message);
    if (join(supervisor, path, &own))
        error_set(error, ERROR_IO, "%s%sthe guest is stopped and kept in %.200s", why,
                  *why ? "; " : "", path);
    else
        error_set(error, ERROR_IO,
                  "%s%sthe guest is stopped and its snapshots are in "
                  "%.150s/incoming (%.90s)",
                  why, *why ? "; " : "", supervisor->entry.directory, own.message);
}
