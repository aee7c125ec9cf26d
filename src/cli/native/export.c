/* export.c - `yado export`, `yado diff` and `yado squash`: snapshots as data. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "cli/commands.h"
#include "cli/native/envelopes.h"
#include "cli/opened.h"
#include "cli/overwrites.h"
#include "cli/play.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "guest/bases.h"
#include "state/coredump.h"
#include "state/diff.h"

static bool export_coredump(const struct options *options, struct error *error)
{
    const char *path = options->positional[0];
    struct opened opened;
    struct buffer dump = {0};
    char output[PATH_ROOM], name[PATH_ROOM];
    struct span noted;
    bool good = opened_read(&opened, path, options, true, error);
    noted = opened.snapshot.module_path;
    snprintf(name, sizeof name, "%.*s", (int)noted.size,
             noted.size ? (const char *)noted.data : "");
    clean_string(name); /* debuggers show it */
    good = good && path_set(output, error, "%s%s", options->output ? options->output : path,
                            options->output ? "" : ".coredump");
    if (good && !opened.has_module)
        good = error_set(error, ERROR_USAGE,
                         "%s: its module is not to be had, and a core dump needs it: give it by "
                         "--module",
                         path);
    good = good &&
           snapshot_coredump(&opened.snapshot, &opened.module, name, !options->no_values, &dump,
                             error) &&
           file_write_bytes(output, dump.data, dump.size, error);
    if (good)
        print_line(print_beside(output), "%s: %zu bytes", output, dump.size);
    buffer_free(&dump);
    opened_free(&opened);
    return good;
}

int command_export(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_EXPORT, argc, argv, &error);
    if (good && options.help) {
        options_help(COMMAND_EXPORT);
    } else if (good && (options.npositional != 1 || !options.coredump)) {
        error_set(&error, ERROR_USAGE, "--coredump and one FILE are wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!good || !overwrites_nothing(COMMAND_EXPORT, &options, &error) ||
               !inputs_take(&options, COMMAND_EXPORT, &error) ||
               !export_coredump(&options, &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}

/* Exit code 0 when they are equal, 1 when not, as diff has it. */
static bool diff(const struct options *options, int *exit_code, struct error *error)
{
    struct opened a, b = {0};
    bool differ = false;
    bool good = opened_read(&a, options->positional[0], options, true, error) &&
                opened_read(&b, options->positional[1], options, true, error) &&
                snapshot_diff(&a.snapshot, &b.snapshot, a.has_module ? &a.module : NULL, print_text,
                              NULL, &differ, error);
    *exit_code = differ;
    opened_free(&a);
    opened_free(&b);
    return good;
}

int command_diff(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_DIFF, argc, argv, &error);
    if (good && options.help) {
        options_help(COMMAND_DIFF);
    } else if (good && options.npositional != 2) {
        error_set(&error, ERROR_USAGE, "two FILEs are wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!good || !inputs_take(&options, COMMAND_DIFF, &error) ||
               !diff(&options, &exit_code, &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}

static bool squash(struct options *options, struct error *error)
{
    struct buffer bytes = {0};
    const char *path = options->positional[0];
    uint64_t size = 0;
    progress_begin("squashing %s", path);
    bool good = inputs_take(options, COMMAND_SQUASH, error) &&
                (chain_read(options->positional[0], &options->snapshots, &bytes, error) ||
                 (error->kind == ERROR_SNAPSHOT && error_prefix(error, "%s", path)));
    good = good && envelopes_put(&options->snapshots, &bytes, options->output, &size, error);
    progress_end();
    if (good)
        print_line(print_beside(options->output), "%s: %llu bytes%s%s", options->output,
                   (unsigned long long)size, options->snapshots.sign ? ", signed" : "",
                   options->snapshots.encrypt_to.count ? ", encrypted" : "");
    buffer_free(&bytes);
    return good;
}

int command_squash(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_SQUASH, argc, argv, &error);
    if (good && options.help) {
        options_help(COMMAND_SQUASH);
    } else if (good && (options.npositional != 1 || !options.output)) {
        error_set(&error, ERROR_USAGE, "--output FILE and one SNAPSHOT are wanted (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!good || !overwrites_nothing(COMMAND_SQUASH, &options, &error) ||
               !squash(&options, &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}
