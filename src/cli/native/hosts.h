/* hosts.h - what hosts there are, and how each is found, asked and started.
 *
 * A host is a section of a configuration file. Those that come with Yadokari are the files
 * hosts/NAME.conf, which are built into the command; the user's own stand in
 * ${XDG_CONFIG_HOME:-~/.config}/yadokari/hosts.conf, or in the file that $YADO_HOSTS names:
 *
 *     # a comment
 *     [NAME]                      one that there is already: the keys below change it
 *     like = NAME                 all keys of another host stated above; then change some
 *     executes = text             how it executes modules, for people
 *     program = NAME              looked for in $YADO_<PROGRAM>, the tools' folder and $PATH; or
 *                                 an absolute path
 *     version = words             the arguments that make it print its version; none: it has none
 *     compiler = NAME             the program that compiles ahead of time, if it is another one
 *     compile = words             its arguments, with {module} and {output}; none: no such step
 *     run = words                 the program's arguments, with {directories} and {module}: the
 *                                 compiled one, if there is a `compile`, unless {compiled} stands
 *                                 there too. Yadokari's own follow
 *     directory = words           what stands for {directories}, once for each: {directory}
 *     listen = words              what gives the module a listening socket, once for each behind
 *                                 the directories: {address}; none: the host cannot
 *     build = switch | bulk | large | tail | sockets   which build of Yadokari it runs fastest, or
 *                                 that has what it gives (docs/hosts.md)
 *     features = NAME,NAME        what sealed modules may use in it, as `yado seal --features`
 *                                 has it; none: what `build` tells of it
 *
 * Words are separated by spaces. Between "quotes" spaces belong to the word, and \" \\ \{ are a
 * quote, a backslash and a brace. In `run`, {scripts} is the folder of scripts/hosts. A key without
 * a value is as if it had not been said. */
#ifndef CLI_NATIVE_HOSTS_H
#define CLI_NATIVE_HOSTS_H

#include "base/path.h"
#include "cli/native/process.h"

struct host {
    const char *name;
    const char *source; /* the file that states it */
    const char *executes;
    const char *program;
    const char *version;
    const char *compiler;
    const char *compile;
    const char *run;
    const char *directory;
    const char *listen;
    const char *build;
    const char *features;
};

/* What a module in a host is given. */
struct given {
    const char *const *directories; /* absolute */
    size_t ndirectories;
    const char *const *listeners; /* ADDRESS:PORT, for a host that has `listen` */
    size_t nlisteners;
};

/* What a host was seen to do, by Yadokari inside it. */
struct abilities {
    char waits[16];     /* whether a read of standard input can have a time limit: yes, no, or
                           "not known" */
    char exit_code[16]; /* what its own exit code is when a module ends with 200; "not known" when
                           the module did not get that far */
};

/* All of them, `native` not included; ends with a NULL name. NULL with ERROR_USAGE, which names the
 * file and the line, when the user's file is wrong. */
const struct host *hosts_all(struct error *error);

/* The names of all, `native` included, or of those that can listen; ends with "..." where they are too many. */
#define HOST_NAMES 4000
void host_names(bool listening, char names[HOST_NAMES]);

/* NULL with ERROR_USAGE, which lists the names, when there is none of that name. */
const struct host *host_named(const char *name, struct error *error);

/* Where the host's program is; ERROR_IO says where it was looked for. */
bool host_find(const struct host *host, char path[PATH_ROOM], struct error *error);

/* The first line that it prints of its version. */
bool host_version(const struct host *host, const char *path, char version[128],
                  struct error *error);

/* Starts Yadokari in the host to see; the answers are kept until the host or Yadokari changes. */
bool host_abilities(const struct host *host, const char *path, struct abilities *abilities,
                    struct error *error);

/* The command line that runs `module` (NULL: Yadokari) in the host, up to and without the module's
 * own arguments. `given` may be NULL: nothing. May compile the module first; the result is kept in
 * the user's cache directory. */
bool host_command(const struct host *host, const char *module, const struct given *given,
                  struct arguments *arguments, struct error *error);

/* "host NAME (VERSION)", for messages; `host` NULL: "the native host". */
char *host_label(const struct host *host, char label[256]);

/* Always false. ERROR_IO that says that the host did not do `what`: its name, version, how it
 * ended, what it printed, and the command line. */
bool host_refused(const struct host *host, const char *what, const struct arguments *arguments,
                  int status, const struct buffer *output, struct error *error);

#endif
