#include "cli/native/keep.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/native/envelopes.h"
#include "guest/bases.h"

/* The snapshots of incoming/ as one, under a name of its own. Their notes say where their bases
 * are. */
static bool join(const struct supervisor *supervisor, char path[PATH_ROOM], const char *why,
                 struct error *error)
{
    char last[REGISTRY_PATH_MAX];
    struct snapshot_options options = {.read = envelopes_read};
    struct buffer bytes = {0};
    if (!kept_begin(&supervisor->entry, path, error))
        return false;
    bool good = chain_read(incoming_path(supervisor, "last", last), &options, &bytes, error) &&
                envelopes_put(&supervisor->options->snapshots, &bytes, path, NULL, error);
    kept_end(&supervisor->entry, path, good, why);
    buffer_free(&bytes);
    if (good)
        unlink(last); /* but not `hold`: the guest would go on */
    return good;
}

void keep_snapshot(const struct supervisor *supervisor, struct error *error)
{
    char path[PATH_ROOM];
    const struct error before = *error;
    const char *why = before.message;
    struct error own = {.offset = ERROR_NO_OFFSET};
    if (join(supervisor, path, *why ? why : "its connection was cut", &own))
        error_set(error, ERROR_IO, "%s%sthe guest is stopped and kept in %s", why, *why ? "; " : "",
                  path);
    else
        error_set(error, ERROR_IO,
                  "%s%sthe guest is stopped and its snapshots are in "
                  "%s/incoming (%s)",
                  why, *why ? "; " : "", supervisor->entry.directory, own.message);
}
