/* run.c - `yado run`. */
#include "cli/commands.h"
#include "cli/start.h"

int command_run(int argc, const char **argv)
{
    return start(COMMAND_RUN, argc, argv, "APP.wasm", play_run);
}
