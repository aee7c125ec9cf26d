/* options_walk.h - the options that were given, one after the other, as the table has them: a command
 * line for a host, what goes to another machine, and what files are read are made of this. */
#ifndef CLI_NATIVE_OPTIONS_WALK_H
#define CLI_NATIVE_OPTIONS_WALK_H

#include "cli/native/process.h"
#include "cli/options.h"

/* For walks: of whichever subcommand. Some options are then met twice. */
enum { COMMAND_ANY = 0x7fff };

/* One that was given. */
struct setting {
    const char *name;
    const char *value;     /* NULL: a flag. Of a directory: its path here */
    const char *directory; /* what the guest calls it; NULL: it is no directory */
    unsigned traits;       /* enum option_trait, all that it has */
};

/* "--flag" or "--option=value"; `value` may be another one than its own. */
void setting_add(struct arguments *arguments, const struct setting *setting, const char *value);

/* Those that `command` knows and that have `trait`, in the order of the table. Numbers are those that
 * are not 0, choices those that are not the first, times are in nanoseconds. Ends with the first
 * visit that is false, which is then the result. A setting lasts as long as its visit; strings that
 * the options hold, as long as they do. */
bool options_walk(const struct options *options, int command, enum option_trait trait,
                  bool (*visit)(void *context, const struct setting *setting), void *context);

/* The same for texts and lists, each of whose values may be changed to another. */
bool options_change(struct options *options, int command, enum option_trait trait,
                    bool (*change)(void *context, const char *name, const char **value),
                    void *context);

/* Whether this is an option that goes to another machine, whole: "--flag" or "--option=value". */
bool option_travels(const char *argument);

#endif
