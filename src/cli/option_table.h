/* option_table.h - every option of every subcommand, in one line of a table each: options.h reads a
 * command line by it, native/options_walk.h makes one. Only native tables have all of them. */
#ifndef CLI_OPTION_TABLE_H
#define CLI_OPTION_TABLE_H

#include "cli/options.h"

/* How an option's value is stored. */
enum kind {
    FLAG,
    TEXT,
    NUMBER,
    SIZE,     /* bytes, with K, M or G behind it for the powers of 1,024 */
    DURATION, /* seconds, or with a unit behind it */
    CHOICE,   /* one of those that the argument names: its place among them */
    DIRECTORY,
    VARIABLE,
    LIST /* may be given again and again */
};

struct option {
    const char *name;
    const char *argument; /* as help shows it; NULL for a flag */
    int commands;
    enum kind kind : 8;
    unsigned traits : 8; /* enum option_trait */
    size_t offset;       /* of its member of struct options */
    const char *help;    /* NULL: for the command's own use */
};

/* One without a name is the last. */
extern const struct option option_table[];

/* The one that a subcommand knows under this name; or NULL. */
const struct option *option_find(const char *name, size_t length, int command);

#endif
