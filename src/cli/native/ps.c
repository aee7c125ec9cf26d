/* ps.c - `yado ps`. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/native/listing.h"
#include "cli/native/registry.h"

static void print_entry(void *context, const struct registered *entry)
{
    (void)context;
    printf("%-24s %-14s %8d  %s\n", entry->name, entry->host, entry->pid, entry->module);
}

static bool list(const struct options *options, struct error *error)
{
    (void)options;
    printf("%-24s %-14s %8s  %s\n", "NAME", "HOST", "PID", "MODULE");
    return registry_list(print_entry, NULL, error);
}

int command_ps(int argc, const char **argv)
{
    return listing(COMMAND_PS, argc, argv, list);
}
