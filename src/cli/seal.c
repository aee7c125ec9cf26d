/* seal.c - `yado seal`. */
#include "seal/seal.h"

#include <stdio.h>

#include "cli/commands.h"
#include "cli/file.h"
#include "cli/options.h"
#include "cli/session.h"

static bool seal_file(const char *path, const char *output_path, const char *runtime_path,
                      const struct seal_options *options, struct error *error)
{
    struct buffer bytes = {0}, runtime = {0}, output = {0};
    struct module module;
    bool good = file_read(path, &bytes, error) && file_read(runtime_path, &runtime, error);
    if (good && !module_load(&module, bytes.data, bytes.size, error))
        good = error_prefix(error, "%s", path);
    if (good) {
        good = seal(&module, runtime.data, runtime.size, options, &output, error) ||
               error_prefix(error, "%s", path);
        module_free(&module);
    }
    good = good && file_write_bytes(output_path, output.data, output.size, error);
    buffer_free(&bytes);
    buffer_free(&runtime);
    buffer_free(&output);
    return good;
}

int command_seal(int argc, const char **argv)
{
    struct error error = {.offset = ERROR_NO_OFFSET};
    struct seal_options options = {.names = true};
    if (argc < 3)
        return EXIT_USAGE;
    return seal_file(argv[0], argv[1], argv[2], &options, &error) ? 0 : report(&error, EXIT_FAILED);
}
