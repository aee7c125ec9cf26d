/* inspect.c - `yado inspect`. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/file.h"
#include "cli/session.h"
#include "state/describe.h"

static void print_line(void *context, const char *text)
{
    (void)context;
    puts(text);
}

/* The module's bytes, for names only: given, embedded, or where the notes say, if it is still
 * there and the same. */
static bool module_bytes(const struct snapshot *snapshot, const struct options *options,
                         struct buffer *bytes, struct error *error)
{
    char path[4096];
    struct span noted = snapshot->module_path;
    if (options->module)
        return file_read(options->module, bytes, error) &&
               snapshot_check_module(snapshot, bytes->data, bytes->size, error);
    if (snapshot->module.data) {
        buffer_put(bytes, snapshot->module.data, snapshot->module.size);
    } else if (noted.size) {
        snprintf(path, sizeof path, "%.*s", (int)noted.size, (const char *)noted.data);
        file_read(path, bytes, NULL);
    }
    if (bytes->size && !snapshot_check_module(snapshot, bytes->data, bytes->size, NULL))
        bytes->size = 0;
    return true;
}

static bool inspect(const struct options *options, struct buffer *file, struct buffer *bytes,
                    struct error *error)
{
    struct snapshot snapshot;
    struct module module;
    if (!file_read(options->positional[0], file, error) ||
        !snapshot_open(&snapshot, file->data, file->size, error) ||
        !module_bytes(&snapshot, options, bytes, error))
        return false;
    bool named = bytes->size && module_load(&module, bytes->data, bytes->size, error);
    bool good = snapshot_describe(&snapshot, named ? &module : NULL, print_line, NULL, error);
    if (named)
        module_free(&module);
    return good;
}

int command_inspect(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    struct buffer file = {0}, bytes = {0};
    int exit_code = 0;
    if (!options_parse(&options, COMMAND_INSPECT, argc, argv, &error)) {
        exit_code = report(&error, EXIT_USAGE);
    } else if (options.help) {
        options_help(COMMAND_INSPECT);
    } else if (options.npositional != 1) {
        error_set(&error, ERROR_USAGE, "one FILE is wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!inspect(&options, &file, &bytes, &error)) {
        error_prefix(&error, "%s", options.positional[0]);
        exit_code = report(&error, EXIT_FAILED);
    }
    options_free(&options);
    buffer_free(&file);
    buffer_free(&bytes);
    return exit_code;
}
