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
#include "cli/native/options_walk.h"

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

struct settling {
    bool module_is; /* elsewhere */
    struct error *error;
};

static bool settle_option(void *context, const char *name, const char **path)
{
    struct settling *settling = context;
    bool other = false;
    return settle(path, strcmp(name, "--module") == 0 ? &settling->module_is : &other,
                  settling->error);
}

/* The guest's process writes to a descriptor of the command's itself: `--snapshot >(zstd > job.zst)`.
 */
static bool keep_written(const char *path, struct error *error)
{
    static const char *const marks[] = {MARK, "/dev/fd/"};
    for (size_t i = 0; path && i < sizeof marks / sizeof *marks; i++)
        if (strncmp(path, marks[i], strlen(marks[i])) == 0)
            return keep(atoi(path + strlen(marks[i])), error);
    return true;
}

bool inputs_take(struct options *options, enum command command, struct error *error)
{
    struct settling settling = {.error = error};
    bool other = false, good = true;
    const char *given = options->npositional > 0 ? options->positional[0] : NULL;
    if (options->guest.standby || options->help)
        return true;
    for (int i = 0; good && i < files_among(command, options); i++)
        good = settle(&options->positional[i],
                      i == 0 && command == COMMAND_RUN ? &settling.module_is : &other, error);
    good = good && options_change(options, (int)command, OPTION_AGAIN, settle_option, &settling) &&
           keep_written(options->snapshots.snapshot, error);
    options->snapshots.embed_module |= settling.module_is;
    if (settling.module_is && command == COMMAND_RUN && !options->guest.arg0)
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

struct lending {
    const struct registered *entry;
    unsigned count;
    struct error *error;
};

static bool lend_option(void *context, const char *name, const char **path)
{
    struct lending *lending = context;
    char file[40];
    (void)name;
    snprintf(file, sizeof file, "input-%u", lending->count++);
    return lend(path, file, lending->entry, lending->error);
}

bool inputs_lend(struct options *options, const struct registered *entry, struct error *error)
{
    struct lending lending = {.entry = entry, .error = error};
    return lend(&options->positional[0], "input", entry, error) &&
           options_change(options, COMMAND_RUN | COMMAND_RESTORE, OPTION_AGAIN, lend_option,
                          &lending);
}
