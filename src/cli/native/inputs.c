#include "cli/native/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"

#define MARK "/proc/self/fd/"

static struct {
    int *descriptors; /* until the process ends */
    size_t count;
} taken;

bool input_is_descriptor(int descriptor)
{
    for (size_t i = 0; i < taken.count; i++)
        if (taken.descriptors[i] == descriptor)
            return true;
    return false;
}

/* Whether it has no name under which it can be opened again and again. */
static bool is_elsewhere(const char *path)
{
    struct stat given, named;
    if (stat(path, &given) != 0 || S_ISDIR(given.st_mode))
        return false; /* whoever opens it says what is wrong */
    char *real = realpath(path, NULL);
    bool found = S_ISREG(given.st_mode) && real && stat(real, &named) == 0 &&
                 named.st_dev == given.st_dev && named.st_ino == given.st_ino;
    free(real);
    return !found;
}

static bool keep(int descriptor, struct error *error)
{
    int *longer = realloc(taken.descriptors, (taken.count + 1) * sizeof *longer);
    if (!longer)
        return error_set(error, ERROR_MEMORY, "no memory for the options");
    taken.descriptors = longer;
    longer[taken.count++] = descriptor;
    return true;
}

/* The path of a file in memory that holds what can be read from `path`; freed by nobody, as is what
 * stands on the command line. */
static char *take(const char *path, struct error *error)
{
    char text[sizeof MARK + 12];
    struct buffer bytes = {0};
    int file = -1;
    bool good = file_read(path, &bytes, error);
    if (good && (file = memfd_create("yado-input", MFD_CLOEXEC)) < 0)
        good = error_set(error, ERROR_IO, "cannot keep %s: %s", path, strerror(errno));
    struct output output = {.descriptor = file, .path = text};
    if (good) {
        snprintf(text, sizeof text, MARK "%d", file);
        good = output_write(&output, bytes.data, bytes.size, error) && keep(file, error);
    }
    buffer_free(&bytes);
    if (!good && file >= 0)
        close(file);
    char *name = good ? strdup(text) : NULL;
    if (good && !name)
        error_set(error, ERROR_MEMORY, "no memory for the options");
    return name;
}

static bool settle(const char **path, bool *was_elsewhere, struct error *error)
{
    if (!*path || !is_elsewhere(*path))
        return true;
    *was_elsewhere = true;
    return (*path = take(*path, error)) != NULL;
}

/* How many of the arguments are files. */
static int files_among(enum command command, const struct options *options)
{
    enum {
        ONE = COMMAND_RUN | COMMAND_RESTORE | COMMAND_INSPECT | COMMAND_EXPORT | COMMAND_SQUASH |
              COMMAND_SEAL,
        TWO = COMMAND_DIFF | COMMAND_BAKE
    };
    int count = command & TWO ? 2 : command & ONE ? 1 : 0;
    return count < options->npositional ? count : options->npositional;
}

bool inputs_take(struct options *options, enum command command, struct error *error)
{
    bool module_is = false, other = false, good = true;
    const char *given = options->npositional > 0 ? options->positional[0] : NULL;
    if (options->guest.standby || options->help)
        return true;
    for (int i = 0; good && i < files_among(command, options); i++)
        good = settle(&options->positional[i],
                      i == 0 && command == COMMAND_RUN ? &module_is : &other, error);
    for (uint32_t i = 0; good && i < options->snapshots.with_base.count; i++)
        good = settle(&options->snapshots.with_base.items[i], &other, error);
    good = good && settle(&options->guest.module, &module_is, error) &&
           settle(&options->snapshots.base, &other, error);
    options->snapshots.embed_module |= module_is;
    if (module_is && command == COMMAND_RUN && !options->guest.arg0)
        options->guest.arg0 = given;
    return good;
}

/* ---- for hosts */

static bool lend(const char **path, const char *name, const struct registered *entry,
                 struct error *error)
{
    char lent[REGISTRY_PATH_MAX];
    if (!*path || strncmp(*path, MARK, strlen(MARK)) != 0 ||
        !input_is_descriptor(atoi(*path + strlen(MARK))))
        return true;
    registry_path(entry, name, lent);
    if (!output_copy(*path, lent, NULL, error))
        return false;
    *path = strdup(lent); /* as those in memory: until the process ends */
    return *path || error_set(error, ERROR_MEMORY, "no memory for the options");
}

bool inputs_lend(struct options *options, const struct registered *entry, struct error *error)
{
    char name[40];
    bool good = lend(&options->positional[0], "input", entry, error) &&
                lend(&options->guest.module, "input-module", entry, error) &&
                lend(&options->snapshots.base, "input-base", entry, error);
    for (uint32_t i = 0; good && i < options->snapshots.with_base.count; i++) {
        snprintf(name, sizeof name, "input-base-%u", i);
        good = lend(&options->snapshots.with_base.items[i], name, entry, error);
    }
    return good;
}
