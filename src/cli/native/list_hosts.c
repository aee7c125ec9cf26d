/* list_hosts.c - `yado hosts`. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/native/hosts.h"
#include "cli/native/listing.h"

/* Asks Yadokari inside the host to wait, with a time limit, for an input that never comes. */
static const char *interrupts_read(const struct host *host)
{
    int silence[2], status;
    struct arguments arguments = {0};
    struct buffer output = {0};
    struct error error = {0};
    const char *answer = "not known";
    if (pipe2(silence, O_CLOEXEC) != 0)
        return answer;
    if (host_command(host, NULL, 0, &arguments, &error)) {
        arguments_add(&arguments, "%s", "can-wait");
        bool good = process_capture(&arguments, silence[0], &output, &status, &error);
        buffer_put_u8(&output, 0);
        if (good && !output.failed && strncmp((const char *)output.data, "yes", 3) == 0)
            answer = "yes";
        else if (good && !output.failed && strncmp((const char *)output.data, "no", 2) == 0)
            answer = "no";
    }
    close(silence[0]);
    close(silence[1]);
    buffer_free(&output);
    arguments_free(&arguments);
    return answer;
}

static bool list(struct error *error)
{
    printf("%-14s %-38s %-18s %s\n", "HOST", "VERSION", "INTERRUPTS A READ", "HOW IT EXECUTES");
    printf("%-14s %-38s %-18s %s\n", "native", "-", "yes", "the interpreter in this process");
    for (const struct host *host = hosts; host->name; host++) {
        char path[1024], version[128];
        if (!host_find(host, path, NULL)) {
            printf("%-14s not installed\n", host->name);
            continue;
        }
        if (!host_version(host, path, version, error))
            return false;
        printf("%-14s %-38s %-18s %s\n%-14s %s\n", host->name, version, interrupts_read(host),
               host->notes, "", path);
    }
    return true;
}

int command_hosts(int argc, const char **argv)
{
    return listing(COMMAND_HOSTS, argc, argv, list);
}
