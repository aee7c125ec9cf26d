#include "cli/overwrites.h"

#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "cli/incoming.h"
#include "cli/native/options_walk.h"
#include "cli/native/remote.h"
#include "state/snapshot.h"

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* ---- what is read */

static bool refuse(const char *output, const char *path, const char *input, const char *read,
                   struct error *error)
{
    return error_set(error, ERROR_USAGE, "%s %s would overwrite %s %s", output, path, input, read);
}

struct sparing {
    const char *output, *path; /* an option, and its value */
    struct error *error;
};

static bool spares_input(void *context, const struct setting *setting)
{
    const struct sparing *sparing = context;
    return !same_file(sparing->path, setting->value) ||
           refuse(sparing->output, sparing->path, setting->name, setting->value, sparing->error);
}

/* A snapshot is nothing without the ones that its notes name, one after the other. What cannot be
 * read is told of later. */
static bool spares_chain(const char *output, const char *path, const char *first,
                         const struct options *options, struct error *error)
{
    enum { CHAIN_MAX = 10000 };
    char at[PATH_ROOM], base[PATH_ROOM];
    bool more = first && path_set(at, NULL, "%s", first), good = true;
    for (int i = 0; more && good && i < CHAIN_MAX; i++) {
        struct buffer bytes = {0};
        struct snapshot snapshot;
        struct span note = {0};
        if (incoming_read(at, &options->snapshots, &bytes, NULL) &&
            snapshot_open(&snapshot, bytes.data, bytes.size, NULL))
            note = snapshot_note(&snapshot, "base");
        more = note.size && path_set(base, NULL, "%.*s", (int)note.size, (const char *)note.data);
        buffer_free(&bytes);
        if (more && same_file(path, base))
            good = refuse(output, path, "a base,", base, error);
        more = more && path_set(at, NULL, "%s", base);
    }
    return good;
}

/* How many of the arguments are files that are read. A guest may go on into the snapshot that it
 * comes from: that has been read by then. */
static int arguments_read(enum command command, const struct options *options)
{
    int count = command == COMMAND_CHECKPOINT || command == COMMAND_RESTORE ? 0 : 1;
    if (command == COMMAND_BAKE)
        count = 2;
    return count < options->npositional ? count : options->npositional;
}

/* ---- what is written */

static bool spares(const char *output, const char *path, enum command command,
                   const struct options *options, struct error *error)
{
    struct sparing sparing = {output, path, error};
    bool good = options_walk(options, COMMAND_ANY, OPTION_READ, spares_input, &sparing);
    for (int i = 0; good && i < arguments_read(command, options); i++)
        if (same_file(path, options->positional[i]))
            good = refuse(output, path, "the argument", options->positional[i], error);
    if (!good || !is_file(path)) /* most outputs are new: no snapshot is read for them */
        return good;
    return spares_chain(output, path, options->snapshots.base, options, error) &&
           (!(command & (COMMAND_RESTORE | COMMAND_SQUASH | COMMAND_BAKE | COMMAND_EXPORT)) ||
            spares_chain(output, path, options->positional[options->npositional > 1 ? 1 : 0],
                         options, error));
}

/* --every gives older ones other names. */
static bool spares_older(enum command command, const struct options *options, struct error *error)
{
    char path[PATH_ROOM];
    for (unsigned i = 1;
         options->snapshots.every && options->snapshots.snapshot && i < options->snapshots.keep;
         i++) {
        if (!path_set(path, error, "%s.%u", options->snapshots.snapshot, i) ||
            !spares("--snapshot with --every writes", path, command, options, error))
            return false;
        if (same_file(path, options->snapshots.trigger))
            return refuse("--trigger", options->snapshots.trigger, "--snapshot", path, error);
    }
    return true;
}

/* Of files that are not there yet: their directory is one, and so is their name. */
static bool same_name(const char *one, const char *other)
{
    char a[PATH_ROOM], b[PATH_ROOM];
    return absolute_path(one, a, NULL) && absolute_path(other, b, NULL) && strcmp(a, b) == 0;
}

/* A trigger is removed. It need not be there yet, so that names that are one are looked at too. */
static bool spares_trigger(enum command command, const struct options *options, struct error *error)
{
    const char *trigger = options->snapshots.trigger, *snapshot = options->snapshots.snapshot;
    if (!trigger)
        return true;
    bool one = snapshot && (same_file(trigger, snapshot) || same_name(trigger, snapshot));
    if (one)
        return refuse("--trigger", trigger, "--snapshot", snapshot, error);
    return spares("--trigger", trigger, command, options, error) &&
           (command != COMMAND_RESTORE || !same_file(trigger, options->positional[0]) ||
            refuse("--trigger", trigger, "the argument", options->positional[0], error));
}

bool overwrites_nothing(enum command command, const struct options *options, struct error *error)
{
    return (!options->output || spares("--output", options->output, command, options, error)) &&
           (!options->snapshots.snapshot ||
            spares("--snapshot", options->snapshots.snapshot, command, options, error)) &&
           spares_older(command, options, error) && spares_trigger(command, options, error);
}
