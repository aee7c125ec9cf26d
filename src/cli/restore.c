/* restore.c - `yado restore`. */
#include "cli/commands.h"
#include "cli/start.h"

int command_restore(int argc, const char **argv)
{
    return start(COMMAND_RESTORE, argc, argv, "FILE", play_restore);
}
