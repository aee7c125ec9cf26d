/* seal_file.c - `yado seal` and `yado bake`. */
#include "cli/seal_file.h"

#include <string.h>

#include "base/output.h"
#include "cli/commands.h"
#include "cli/incoming.h"
#include "cli/overwrites.h"
#include "cli/play.h"
#include "cli/progress.h"
#include "guest/bases.h"
#include "state/snapshot.h"
#include "survey/survey.h"

#ifdef __wasm__
bool runtime_read(const char *given, struct buffer *bytes, struct error *error)
{
    return given ? file_read(given, bytes, error)
                 : error_set(error, ERROR_USAGE, "--runtime FILE is missing: yadokari-sealed.wasm");
}
#endif

/* Whether there is something to begin with: an exported function of its own. */
static bool has_entry(const struct module *module)
{
    for (uint32_t i = 0; i < module->nexports; i++)
        if (module->exports[i].kind == EXTERN_FUNC &&
            module->exports[i].index >= module->nimported_funcs)
            return true;
    return false;
}

/* Loads the module unless it lacks something that it needs to run, sealed or not. */
static bool can_run(struct span bytes, struct module *module, struct error *error)
{
    return survey(bytes.data, bytes.size, error) &&
           module_load(module, bytes.data, bytes.size, error);
}

bool seal_to_file(const char *path, struct span bytes, const struct seal_options *options,
                  struct span snapshot, const char *runtime, const char *output,
                  struct error *error)
{
    struct buffer template = {0}, sealed = {0};
    struct module module = {0};
    progress_begin("sealing %s", path);
    bool good = (can_run(bytes, &module, error) || error_prefix(error, "%s", path)) &&
                runtime_read(runtime, &template, error);
    if (good) {
        const struct seal_runtime with = {{template.data, (uint32_t)template.size},
                                          .trusted = !runtime};
        good = (seal(&module, &with, options, snapshot, &sealed, error) &&
                (has_entry(&module) ||
                 error_set(error, ERROR_LINK, "it exports no function that could be called"))) ||
               error_prefix(error, "%s", path);
        module_free(&module);
    }
    /* no secret, unless there is a guest's memory in it */
    good = good && output_bytes(output, &(struct output_options){.open = !snapshot.data},
                                sealed.data, sealed.size, error);
    progress_end();
    buffer_free(&template);
    buffer_free(&sealed);
    return good;
}

/* ---- seal */

static bool take_feature(const char *name, size_t length, struct seal_options *options)
{
    const struct {
        const char *name;
        bool *flag;
    } features[] = {{"bulk-memory", &options->bulk_memory},
                    {"tail-calls", &options->tail_calls},
                    {"sign-extension", &options->sign_extension},
                    {"saturating", &options->saturating},
                    {"multi-memory", &options->multi_memory}};
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        if (strlen(features[i].name) == length && memcmp(features[i].name, name, length) == 0)
            return *features[i].flag = true;
    return false;
}

bool take_features(const char *list, struct seal_options *options, struct error *error)
{
    while (list && *list) {
        size_t length = strcspn(list, ",");
        if (!take_feature(list, length, options))
            return error_set(error, ERROR_USAGE,
                             "--features %.*s: there are bulk-memory, tail-calls, "
                             "sign-extension, saturating, multi-memory",
                             (int)length, list);
        list += length + (list[length] == ',');
    }
    options->bulk_memory |= options->multi_memory;
    return true;
}

static bool seal_file(const struct options *given, struct error *error)
{
    struct seal_options options = {.exact_fuel = given->exact_fuel,
                                   .no_polls = given->no_polls,
                                   .names = !given->no_names,
                                   .heap = given->heap};
    const char *path = given->positional[0];
    struct buffer bytes = {0};
    bool good = take_features(given->features, &options, error) &&
                file_read_module(path, &bytes, error) &&
                seal_to_file(path, (struct span){bytes.data, (uint32_t)bytes.size}, &options,
                             (struct span){0}, given->runtime, given->output, error);
    buffer_free(&bytes);
    return good;
}

/* ---- bake */

/* The sealed module is made again, of the guest's module that it holds, with the snapshot in it. */
static bool bake_file(const struct options *given, struct error *error)
{
    const char *path = given->positional[0];
    struct buffer sealed = {0}, file = {0};
    struct seal_options options = {0};
    struct span guest = {0};
    struct snapshot snapshot;
    bool good = file_read_module(path, &sealed, error);
    if (good && !sealed_guest(sealed.data, sealed.size, &guest, &options))
        good =
            error_set(error, ERROR_USAGE, "%s is not a sealed module (yado seal makes one)", path);
    good = good && ((chain_read(given->positional[1], &given->snapshots, &file, error) &&
                     snapshot_open(&snapshot, file.data, file.size, error) &&
                     snapshot_check_module(&snapshot, guest.data, guest.size, error) &&
                     (file.size <= UINT32_MAX ||
                      error_set(error, ERROR_UNSUPPORTED, "larger than a module can be"))) ||
                    error_prefix(error, "%s", given->positional[1]));
    good =
        good && seal_to_file(path, guest, &options, (struct span){file.data, (uint32_t)file.size},
                             given->runtime, given->output, error);
    buffer_free(&sealed);
    buffer_free(&file);
    return good;
}

static int command(enum command which, int argc, const char **argv, int arguments,
                   bool (*work)(const struct options *options, struct error *error))
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, which, argc, argv, &error);
    if (good && options.help) {
        options_help(which);
    } else if (good && options.npositional != arguments) {
        error_set(&error, ERROR_USAGE, "%s wanted (see --help)",
                  arguments == 1 ? "one APP.wasm is" : "APP.sealed.wasm and SNAPSHOT are");
        exit_code = report(&error, EXIT_USAGE);
    } else if (good && !options.output) {
        error_set(&error, ERROR_USAGE, "--output FILE is missing (see --help)");
        exit_code = report(&error, EXIT_USAGE);
    } else if (!good || !overwrites_nothing(which, &options, &error) ||
               !inputs_take(&options, which, &error) || !work(&options, &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}

int command_seal(int argc, const char **argv)
{
    return command(COMMAND_SEAL, argc, argv, 1, seal_file);
}

int command_bake(int argc, const char **argv)
{
    return command(COMMAND_BAKE, argc, argv, 2, bake_file);
}
