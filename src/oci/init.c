#include "oci/init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/native/process.h"
#include "cli/print.h"

#define FAILED 125

bool init_is_wanted(const char *name)
{
    return strcmp(name, INIT_FOLDER "/init") == 0 || strcmp(name, INIT_FOLDER_TOO "/init") == 0;
}

extern char **environ;

/* The guest's variables become options; what yado itself reads is its own. */
static void add_environment(struct arguments *made)
{
    for (char **at = environ; *at; at++)
        if (**at != '=' && strchr(*at, '=')) {
            arguments_add(made, "--env");
            arguments_add(made, "%s", *at);
        }
}

bool init_environment(const char *folder, char control[PATH_ROOM])
{
    return clearenv() == 0 && path_set(control, NULL, "%s/control", folder) &&
           setenv("XDG_RUNTIME_DIR", control, 1) == 0 && setenv("HOME", control, 1) == 0;
}

int init_run(int argc, const char **argv)
{
    struct arguments made = {0};
    char control[PATH_ROOM];
    const bool runs = argc > 1 && strcmp(argv[1], "run") == 0;
    if (!runs && (argc < 2 || strcmp(argv[1], "restore") != 0))
        return FAILED;
    if (runs)
        add_environment(&made);
    for (int i = 2; i < argc; i++)
        arguments_add(&made, "%s", argv[i]);
    const char *folder = strncmp(argv[0], INIT_FOLDER "/", strlen(INIT_FOLDER "/")) == 0
                             ? INIT_FOLDER
                             : INIT_FOLDER_TOO;
    if (made.failed || !init_environment(folder, control)) {
        print_line(stderr, "yado-oci: no memory for the guest's command line");
        return FAILED;
    }
    const char **words = (const char **)(void *)made.list;
    int code = runs ? command_run((int)made.count, words) : command_restore((int)made.count, words);
    arguments_free(&made);
    return code;
}
