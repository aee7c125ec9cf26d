/* registry.h - the guests that run on this machine, each a directory named after it:
 *
 *     ${XDG_RUNTIME_DIR:-/tmp}/yadokari-UID/NAME/
 *         info       pid, host, module, snapshot: lines "key=value"
 *         request    written by `yado checkpoint`: the trigger
 *         snapshot   what the guest writes then
 *         answer     how it went
 *         status     the guest's exit code, for hosts that lose it
 *         status.restored   it is restored
 *         command    the host's command line, for messages
 *         control    a socket, for `yado migrate` (supervisor.h)
 *         incoming/  while the guest moves (cli/standby.h)
 *
 * and, while a host runs whose snapshots are signed or encrypted, what courier.h says. */
#ifndef CLI_NATIVE_REGISTRY_H
#define CLI_NATIVE_REGISTRY_H

#include "base/error.h"

#define REGISTRY_PATH_MAX 512

struct registered {
    char name[128];
    char directory[REGISTRY_PATH_MAX];
    int pid;
    char host[320];
    char module[1024];
    char snapshot[1024]; /* may be empty */
    bool wraps;          /* its snapshots are signed or encrypted by its own keys */
    bool hosted; /* it is another yado's host (scripts/hosts/cpus.conf), whose guest is listed */
};

/* Registers this process; `wraps` and `hosted` have been set. `name` NULL: made from the module's
 * name and the pid. ERROR_USAGE for a name that is taken or is no file name. What dead guests have
 * left is removed. */
bool registry_add(struct registered *entry, const char *name, const char *host, const char *module,
                  const char *snapshot, struct error *error);
/* The guest is in another host now. */
bool registry_set_host(struct registered *entry, const char *host, struct error *error);
/* Removes the entry's directory and all files in it. */
void registry_remove(const struct registered *entry);

/* The same, if no guest runs under its name and no snapshot waits to be fetched. */
void registry_remove_dead(const struct registered *entry);

/* Removes incoming/ with all that is in it. */
void registry_remove_incoming(const struct registered *entry);

/* Whether a snapshot lies in it that nobody has fetched yet. */
bool registry_has_snapshot(const struct registered *entry);

/* Finds a guest by name. The error lists the names that there are. */
bool registry_find(const char *name, struct registered *entry, struct error *error);

/* Visits all guests that still run, those of other yados' hosts aside; directories of dead ones are
 * removed. */
typedef void (*registry_visitor)(void *context, const struct registered *entry);
bool registry_list(registry_visitor visit, void *context, struct error *error);

/* "directory/file" in `path`. */
char *registry_path(const struct registered *entry, const char *file, char path[REGISTRY_PATH_MAX]);

#endif
