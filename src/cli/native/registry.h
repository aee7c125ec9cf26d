/* registry.h - the guests that run on this machine, each a directory named after it:
 *
 *     ${XDG_RUNTIME_DIR:-/tmp}/yadokari-UID/NAME/
 *         info       pid, host, module, snapshot: lines "key=value"
 *         life, turn two locks (entry.h)
 *         request, hold.ID   what is asked of the guest (guest/request.h)
 *         answer     how it went
 *         snapshot.ID, base.ID   what the guest writes then, and reads
 *         status     the guest's exit code, for hosts that lose it
 *         status.restored   it is restored
 *         command    the host's command line, for messages
 *         control    a socket, for `yado migrate` (supervisor.h)
 *         incoming/  while the guest moves (guest/hold.h)
 *
 * and, while a host runs whose snapshots are signed or encrypted, what courier.h says. */
#ifndef CLI_NATIVE_REGISTRY_H
#define CLI_NATIVE_REGISTRY_H

#include "cli/native/entry.h"

/* Registers this process; the flags have been set. `name` NULL: made from the module's name and the
 * pid. ERROR_USAGE for a name that is taken or is no file name. Of what dead guests have left, that
 * which is nowhere else is kept (kept.h), and the rest removed. */
bool registry_add(struct registered *entry, const char *name, const char *host, const char *module,
                  const char *snapshot, struct error *error);
/* The guest is in another host now. */
bool registry_set_host(struct registered *entry, const char *host, struct error *error);
/* Its guest has ended: removes this process's own entry, or leaves that to who has the turn. */
void registry_remove(struct registered *entry);

/* Removes an entry that nobody looks after, as registry_add does. */
void registry_remove_dead(const struct registered *entry);

/* Removes incoming/ with all that is in it. */
void registry_remove_incoming(const struct registered *entry);

/* Finds a guest by name. The error lists the names that there are. */
bool registry_find(const char *name, struct registered *entry, struct error *error);
/* Reads it again. False when nobody looks after it any more. */
bool registry_look(struct registered *entry);

/* Visits all guests that still run, those of other yados' hosts aside; directories of dead ones are
 * removed. `visit` may be NULL. */
typedef void (*registry_visitor)(void *context, const struct registered *entry);
bool registry_list(registry_visitor visit, void *context, struct error *error);

#endif
