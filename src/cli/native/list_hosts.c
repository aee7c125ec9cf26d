/* list_hosts.c - `yado hosts`. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/native/hosts.h"
#include "cli/native/listing.h"

static bool list(struct error *error)
{
    printf("%-14s %-36s %-22s %s\n", "HOST", "VERSION", "INTERRUPTS A READ", "HOW IT EXECUTES");
    printf("%-14s %-36s %-22s %s\n", "native", "-", "yes", "the interpreter in this process");
    for (const struct host *host = hosts; host->name; host++) {
        char path[1024], version[128];
        if (!host_find(host, path, NULL)) {
            printf("%-14s not installed\n", host->name);
            continue;
        }
        if (!host_version(host, path, version, error))
            return false;
        printf("%-14s %-36s %-22s %s\n%-14s %s\n", host->name, version, host->interrupts,
               host->notes, "", path);
    }
    return true;
}

int command_hosts(int argc, const char **argv)
{
    return listing(COMMAND_HOSTS, argc, argv, list);
}
