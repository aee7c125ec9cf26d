/* keygen.c - `yado keygen`. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/play.h"
#include "cli/print.h"
#include "envelope/keys.h"

static bool keygen(const char *name, struct error *error)
{
    struct public_key key;
    char signs[KEY_NAME_SIZE], opens[KEY_NAME_SIZE];
    if (!key_generate(name, &key, error))
        return false;
    print_line(stdout, "%s.key: the secret key, for --sign and --decrypt-with", name);
    print_line(stdout, "%s.pub: the public one, for --require-signature and --encrypt-to", name);
    print_line(stdout, "signs as %s, is encrypted to as %s", key_name(key.sign, signs),
               key_name(key.box, opens));
    return true;
}

int command_keygen(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_KEYGEN, argc, argv, &error);
    if (good && options.help) {
        options_help(COMMAND_KEYGEN);
    } else if (good && options.npositional != 1) {
        error_set(&error, ERROR_USAGE, "one NAME is wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!good || !keygen(options.positional[0], &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}
