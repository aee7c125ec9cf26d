/* commands.h - the subcommands. Each parses its own arguments and returns the exit code. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int command_run(int argc, const char **argv);
int command_restore(int argc, const char **argv);
int command_inspect(int argc, const char **argv);
int command_seal(int argc, const char **argv);
int command_bake(int argc, const char **argv);
/* Native only. */
int command_checkpoint(int argc, const char **argv);
int command_export(int argc, const char **argv);
int command_diff(int argc, const char **argv);
int command_squash(int argc, const char **argv);
int command_migrate(int argc, const char **argv);
int command_receive(int argc, const char **argv);
int command_keygen(int argc, const char **argv);
int command_ps(int argc, const char **argv);
int command_rm(int argc, const char **argv);
int command_hosts(int argc, const char **argv);

#endif
