#include "cli/native/listing.h"

int listing(enum command command, int argc, const char **argv,
            bool (*list)(const struct options *options, struct error *error))
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, command, argc, argv, &error);
    if (good && options.npositional)
        good = error_set(&error, ERROR_USAGE, "unexpected argument %s", options.positional[0]);
    if (!good)
        exit_code = report(&error, EXIT_USAGE);
    else if (options.help)
        options_help(command);
    else if (!list(&options, &error))
        exit_code = report(&error, EXIT_FAILED);
    options_free(&options);
    return exit_code;
}
