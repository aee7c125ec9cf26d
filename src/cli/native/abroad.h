/* abroad.h - a place on another machine (place.h): a guest that is there, or goes there. */
#ifndef CLI_NATIVE_ABROAD_H
#define CLI_NATIVE_ABROAD_H

#include "cli/native/place.h"

/* Starts ssh to `target`, "ssh://[USER@]MACHINE[:PORT]", and `yado receive` there. `wish` is what
 * `yado migrate` said (supervisor.h). */
bool abroad_open(struct place *place, const char *target, const char *host, const char *wish,
                 struct error *error);

#endif
