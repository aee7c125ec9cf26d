/* inspect.c - `yado inspect`. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/incoming.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/session.h"
#include "state/describe.h"

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

static bool inspect(const struct options *options, struct error *error)
{
    struct opened opened;
    bool good = opened_read(&opened, options->positional[0], options, false, error) &&
                describe(&opened, options, error);
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
