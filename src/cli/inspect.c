/* inspect.c - `yado inspect`. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/incoming.h"
#include "cli/opened.h"
#include "cli/play.h"
#include "cli/print.h"
#include "state/describe.h"
#ifndef __wasm__
#    include "survey/survey.h"
#endif

static bool describe(const struct opened *opened, const struct options *options,
                     struct error *error)
{
    const char *path = options->positional[0];
#ifndef __wasm__
    if (options->json)
        return inspect_json(opened, options, error);
#endif
    return incoming_describe(path, print_text, error) &&
           (snapshot_describe(&opened->snapshot, opened->has_module ? &opened->module : NULL,
                              print_text, NULL, error) ||
            error_prefix(error, "%s", path));
}

/* Something else that was given for a snapshot, if it is that: a module, which could run or lacks
 * something, or a file that is neither. */
static bool inspect_module(const struct opened *opened, const struct options *options,
                           struct error *error)
{
#ifndef __wasm__
    static const char snapshots[] = {'\x89', 'Y', 'A', 'D'};
    const struct buffer *bytes = &opened->file;
    const char *path = options->positional[0];
    struct module module = {0};
    if (error->kind != ERROR_SNAPSHOT || bytes->size < sizeof snapshots ||
        memcmp(bytes->data, snapshots, sizeof snapshots) == 0)
        return false;
    if (!survey(bytes->data, bytes->size, error) ||
        !module_load(&module, bytes->data, bytes->size, error))
        return error_prefix(error, "%s", path);
    module_free(&module);
    if (options->json)
        return error_set(error, ERROR_SNAPSHOT, "%s is a module and not a snapshot", path);
    print_line(stdout, "%s is a module and no snapshot; nothing is missing to run it", path);
    return true;
#else
    (void)opened, (void)options, (void)error;
    return false;
#endif
}

static bool inspect(const struct options *options, struct error *error)
{
    struct opened opened;
    bool good = opened_read(&opened, options->positional[0], options, false, error);
    good = good ? describe(&opened, options, error) : inspect_module(&opened, options, error);
    opened_free(&opened);
    return good;
}

int command_inspect(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    if (!options_parse(&options, COMMAND_INSPECT, argc, argv, &error) ||
        !inputs_take(&options, COMMAND_INSPECT, &error)) {
        exit_code = report(&error, EXIT_USAGE);
    } else if (options.help) {
        options_help(COMMAND_INSPECT);
    } else if (options.npositional != 1) {
        error_set(&error, ERROR_USAGE, "one FILE is wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!inspect(&options, &error)) {
        exit_code = report(&error, EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}
