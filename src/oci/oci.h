/* oci/ - `yado-oci`, the program that podman and containerd call as their OCI runtime: containers
 * of WebAssembly programs run in Yadokari, others are handed to crun or runc as they are.
 *
 *     engine ──▶ yado-oci create ──▶ bundle of ours ──▶ crun create ──▶ P/init (yado-oci again)
 *                   config.json        config.json         namespaces,       the guest: `yado run`
 *                   (config.h)          (rewrite.h)         cgroups ...       (init.h)
 *
 * This folder stands on cli/ and cli/native/ and nothing includes it. Each verb is one file,
 * verb_NAME.c, with one function; those that the runtime below does just as well are in
 * verb_forward.c. docs/containers.md says what is done and why.
 *
 * oci.h - a call of yado-oci: the words of its command line, taken apart. */
#ifndef OCI_OCI_H
#define OCI_OCI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define OCI_VERSION      "0.1.0"
#define OCI_SPEC         "1.2.1" /* the version of the runtime specification, of config.json */
#define OCI_ROOT_DEFAULT "/run/yado-oci"

struct call {
    const struct verb *verb;
    /* Global options. */
    const char *root;   /* absolute; never NULL */
    const char *log;    /* NULL: errors go to standard error only */
    const char *format; /* of the log: "json" or "text" */
    bool systemd_cgroup;
    bool version, help;
    /* Options of verbs; NULL where they were not given. */
    const char *bundle, *pid_file, *console_socket, *image_path, *work_path, *parent_path;
    const char *output; /* of `list`: "table" or "json" */
    bool force, leave_running, pre_dump, detach, quiet;
    /* What is no option: the container's id first. */
    const char *id;
    /* All words behind the verb, as they were given but for a second dash: for the runtime below. */
    const char **words;
    size_t nwords;
};

struct verb {
    const char *name;
    /* Returns the exit code, or -1 when `error` says what went wrong. */
    int (*run)(struct call *call, struct error *error);
    bool needs_id;
    const char *help;
};

/* The verb's functions, in the table of main.c. */
int verb_create(struct call *call, struct error *error);
int verb_restore(struct call *call, struct error *error);
int verb_checkpoint(struct call *call, struct error *error);
int verb_delete(struct call *call, struct error *error);
int verb_state(struct call *call, struct error *error);
int verb_list(struct call *call, struct error *error);
int verb_features(struct call *call, struct error *error);
int verb_spec(struct call *call, struct error *error);
int verb_forward(struct call *call, struct error *error);

/* Takes a command line apart. Options have one or two dashes, their values follow as the next word
 * or after `=`, and those that are not known are passed over. ERROR_USAGE for a value that is not
 * there. `call->words` is owned: call_free. */
bool call_parse(struct call *call, int argc, const char **argv, struct error *error);
void call_free(struct call *call);
/* NULL when there is none of that name. */
const struct verb *verb_named(const char *name);

/* Appends the error to --log in its format, and prints it: engines show the last line. */
void call_report(const struct call *call, const struct error *error);

#endif
