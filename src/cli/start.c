#include "cli/start.h"

#include "base/output.h"
#include "cli/incoming.h"
#include "cli/overwrites.h"

static bool check(enum command command, const struct options *options, const char *argument,
                  struct error *error)
{
    if (options->npositional == 0)
        return error_set(error, ERROR_USAGE, "%s is missing (see --help)", argument);
    if (command != COMMAND_RUN && options->npositional > 1)
        return error_set(error, ERROR_USAGE, "unexpected argument %s", options->positional[1]);
    if (options->snapshots.checkpoint_after && !options->snapshots.snapshot)
        return error_set(error, ERROR_USAGE, "--checkpoint-after needs --snapshot FILE");
    if (options->snapshots.every && !options->snapshots.snapshot)
        return error_set(error, ERROR_USAGE, "--every needs --snapshot FILE");
    if (options->snapshots.trigger && !options->snapshots.snapshot)
        return error_set(error, ERROR_USAGE, "--trigger needs --snapshot FILE");
#ifndef __wasm__
    char target[PATH_ROOM];
    if (options->snapshots.verify && options->snapshots.snapshot &&
        !output_target(options->snapshots.snapshot, target))
        return error_set(error, ERROR_USAGE,
                         "--verify: %.700s is not a file that can be read again",
                         options->snapshots.snapshot);
#endif
    return true;
}

int start(enum command command, int argc, const char **argv, const char *argument,
          int (*session)(const struct options *options))
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code;
    bool good = options_parse(&options, command, argc, argv, &error);
    if (good && !argument) /* the guest is known: its own name comes before its arguments */
        *--options.positional = argv[-1], options.npositional++;
    good = good && inputs_take(&options, command, &error);
    if (good && options.help) {
        options_help(command);
        exit_code = 0;
    } else if (!good || !check(command, &options, argument, &error) ||
               !overwrites_nothing(command, &options, &error)) {
        exit_code = report(&error, EXIT_USAGE);
    } else {
#ifdef __wasm__
        exit_code = session(&options);
#else
        (void)session;
        exit_code = start_native(command, &options);
#endif
    }
    options_free(&options);
    return exit_code;
}
