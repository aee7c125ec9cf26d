/* sealed_main.c - a sealed module's command line.
 *
 *     app.sealed.wasm [ARGUMENTS]                                 all of it is the guest's
 *     app.sealed.wasm --yado run [OPTIONS] [ARGUMENTS]            as `yado run` inside a host,
 * without app.sealed.wasm --yado restore [OPTIONS] FILE               a module: it has its own */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/play.h"
#include "cli/print.h"
#include "cli/start.h"
#include "host/files.h"
#include "sealed/sealed.h"

extern char **environ;

/* What a host gave the module, a guest without options has. */
static bool take_preopens(struct options *options)
{
    static char name[4096];
    for (uint32_t i = 0; host_preopen_name(i, name, sizeof name); i++) {
        struct wasi_preopen *dirs = realloc(options->guest.dirs, (i + 1) * sizeof *dirs);
        char *host_path = strdup(name), *guest_path = strdup(name);
        if (!dirs || !host_path || !guest_path)
            return false;
        options->guest.dirs = dirs;
        dirs[options->guest.ndirs++] = (struct wasi_preopen){host_path, guest_path};
    }
    return true;
}

static bool take_environment(struct options *options)
{
    uint32_t count = 0;
    while (environ && environ[count])
        count++;
    options->guest.env.items = malloc((count + 1) * sizeof *options->guest.env.items);
    for (uint32_t i = 0; options->guest.env.items && i < count; i++)
        options->guest.env.items[i] = environ[i];
    options->guest.env.count = count;
    return options->guest.env.items != NULL;
}

static void take_layout(struct options *options)
{
    options->guest.own_module =
        (struct span){sealed_address(LAYOUT_MODULE), sealed_layout[LAYOUT_MODULE_SIZE]};
    options->guest.own_module_hash = (const uint8_t *)&sealed_layout[LAYOUT_MODULE_HASH];
    if (sealed_layout[LAYOUT_SNAPSHOT])
        options->guest.own_snapshot =
            (struct span){sealed_address(LAYOUT_SNAPSHOT), sealed_layout[LAYOUT_SNAPSHOT_SIZE]};
}

static int sealed_run(const struct options *given)
{
    struct options options = *given;
    take_layout(&options);
    return options.guest.own_snapshot.data ? play_restore(&options) : play_run(&options);
}

static int sealed_restore(const struct options *given)
{
    struct options options = *given;
    take_layout(&options);
    options.guest.own_snapshot = (struct span){0};
    return play_restore(&options);
}

static int plain(int argc, const char **argv)
{
    static const char *nameless[] = {"sealed.wasm", NULL};
    struct options options = {.guest.max_stack = DEFAULT_STACK_SIZE,
                              .snapshots.keep = 3,
                              .positional = argc ? argv : nameless,
                              .npositional = argc ? argc : 1};
    struct error error = {.offset = ERROR_NO_OFFSET};
    if (!take_preopens(&options) || !take_environment(&options)) {
        error_set(&error, ERROR_MEMORY, "no memory for the arguments");
        return report(&error, EXIT_FAILED);
    }
    return sealed_run(&options);
}

int main(int argc, const char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--yado") != 0)
        return plain(argc, argv);
    if (argc > 2 && strcmp(argv[2], "run") == 0) {
        argv[2] = argv[0];
        return start(COMMAND_RUN, argc - 3, argv + 3, NULL, sealed_run);
    }
    if (argc > 2 && strcmp(argv[2], "restore") == 0)
        return start(COMMAND_RESTORE, argc - 3, argv + 3, "FILE", sealed_restore);
    print_line(stderr, "yado: --yado is followed by run or restore");
    return EXIT_USAGE;
}
