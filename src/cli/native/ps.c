/* ps.c - `yado ps`. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/native/listing.h"
#include "cli/native/registry.h"
#include "cli/print.h"

static void print_entry(void *context, const struct registered *entry)
{
    (void)context;
    print_line(stdout, "%-24s %-14s %8d  %s", entry->name, entry->host, entry->pid, entry->module);
}

static bool list(const struct options *options, struct error *error)
{
    (void)options;
    print_line(stdout, "%-24s %-14s %8s  %s", "NAME", "HOST", "PID", "MODULE");
    return registry_list(print_entry, NULL, error);
}

int command_ps(int argc, const char **argv)
{
    return listing(COMMAND_PS, argc, argv, list);
}
