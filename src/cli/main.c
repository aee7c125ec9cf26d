/* main.c - picks the subcommand. */
#include <stdio.h>
#include <string.h>

#include "base/streams.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/print.h"
#include "wasi/wasi.h"

#define VERSION "0.1.0"

#if defined __wasm__ && !defined YADO_SEALER
/* What `yado hosts` asks: whether this host can wait for standard input with a time limit, and what
 * becomes of an exit code. */
static int command_can_wait(int argc, const char **argv)
{
    (void)argc;
    (void)argv;
    puts(wasi_can_wait() ? "yes" : "no");
    return 200;
}
#endif

static const struct {
    const char *name;
    int (*run)(int argc, const char **argv);
    const char *help;
} commands[] = {
#if defined YADO_SEALER || !defined __wasm__ /* inside a host: yadokari-seal.wasm */
    {"seal", command_seal, "make a module that runs at its host's own speed"},
    {"bake", command_bake, "make a module that goes on from a snapshot"},
#endif
#ifndef YADO_SEALER
    {"run", command_run, "run a WebAssembly program"},
    {"restore", command_restore, "continue a program from a snapshot"},
    {"inspect", command_inspect, "show what is in a snapshot"},
#    ifdef __wasm__
    {"can-wait", command_can_wait, NULL},
#    endif
#endif
#ifndef __wasm__
    {"checkpoint", command_checkpoint, "write the snapshot of a running program"},
    {"migrate", command_migrate, "move a running program to another host or machine"},
    {"receive", command_receive, NULL},
    {"diff", command_diff, "tell what changed between two snapshots"},
    {"export", command_export, "write a snapshot as a core dump"},
    {"squash", command_squash, "make one snapshot of one with a base and its bases"},
    {"keygen", command_keygen, "make keys to sign and encrypt snapshots with"},
    {"ps", command_ps, "list the programs that run here, and snapshots that were kept"},
    {"rm", command_rm, "remove a snapshot that was kept"},
    {"hosts", command_hosts, "list the hosts, their versions and what each supports"},
#endif
};

static void help(FILE *out)
{
    fprintf(out,
            "usage: yado COMMAND [OPTIONS] [ARGUMENTS]\n\n"
            "Runs WebAssembly programs so that they can be stopped at any moment and continued\n"
            "in another runtime, on another CPU.\n\ncommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].help)
            fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
    fprintf(out,
            "\n`yado COMMAND --help` lists a command's options; `yado --version` the version.\n");
}

int main(int argc, const char **argv)
{
#ifndef __wasm__
    streams_open();
#endif
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("yado %s\n", VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    print_line(stderr, "yado: unknown command %s (see yado --help)", argv[1]);
    return EXIT_USAGE;
}
