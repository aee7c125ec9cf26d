/* ps.c - `yado ps` and `yado rm`. */
#include <stdio.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/native/kept.h"
#include "cli/native/listing.h"
#include "cli/native/registry.h"
#include "cli/print.h"

static void print_entry(void *context, const struct registered *entry)
{
    (void)context;
    print_line(stdout, "%-24s %-14s %8d  %s", entry->name, entry->host, entry->pid, entry->module);
}

static void print_kept(void *context, const struct kept *kept)
{
    char since[40] = "";
    time_t then = (time_t)kept->since;
    struct tm parts;
    (void)context;
    if (localtime_r(&then, &parts))
        strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", &parts);
    print_line(stdout, "%-24s %12llu  %-19s  %s", kept->id, (unsigned long long)kept->size, since,
               kept->path);
    if (kept->why[0])
        print_line(stdout, "%-24s %s", "", kept->why);
}

static bool list(const struct options *options, struct error *error)
{
    if (options->kept) {
        /* what is left in the registry is kept now */
        print_line(stdout, "%-24s %12s  %-19s  %s", "ID", "BYTES", "SINCE", "SNAPSHOT");
        return registry_list(NULL, NULL, error) && kept_list(print_kept, NULL, error);
    }
    print_line(stdout, "%-24s %-14s %8s  %s", "NAME", "HOST", "PID", "MODULE");
    return registry_list(print_entry, NULL, error);
}

int command_ps(int argc, const char **argv)
{
    return listing(COMMAND_PS, argc, argv, list);
}

int command_rm(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = 0;
    bool good = options_parse(&options, COMMAND_RM, argc, argv, &error);
    if (good && !options.help && options.npositional == 0)
        good = error_set(&error, ERROR_USAGE, "an ID is wanted (see --help)");
    if (good && options.help)
        options_help(COMMAND_RM);
    else
        for (int i = 0; good && i < options.npositional; i++)
            good = kept_remove(options.positional[i], &error);
    if (!good)
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    options_free(&options);
    return exit_code;
}
