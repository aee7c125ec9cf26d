#include "cli/native/preparing.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t preparing;
static char directory[REGISTRY_PATH_MAX];

void preparing_begin(const struct registered *entry)
{
    snprintf(directory, sizeof directory, "%s", entry->directory);
    preparing = 1;
}

void preparing_end(void)
{
    preparing = 0;
}

/* No more than a handler may do. What else is there, dead guests leave too (registry.h). */
static void remove_secrets(void)
{
    static const char *const files[] = {"restore", "opened", "module"};
    int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; at >= 0 && i < sizeof files / sizeof *files; i++)
        unlinkat(at, files[i], 0);
    if (at >= 0)
        close(at);
}

void preparing_signal(int number)
{
    if (!preparing || number == SIGCHLD)
        return;
    remove_secrets();
    signal(number, SIG_DFL);
    raise(number); /* takes effect when the handler returns */
}
