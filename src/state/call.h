/* call.h - the section for calls that are still to come; internal to state/.
 *
 *     CALL    stage u8: 0 there is no `_initialize`, 1 it comes after the start function, 2 it runs
 *             `_initialize`: function u32, 0 without one
 *             arguments of the entry: count u32, values
 *
 * It is there while `_initialize` or arguments are still needed: until the entry runs. */
#ifndef STATE_CALL_H
#define STATE_CALL_H

#include "state/cursor.h"
#include "state/writer.h"

bool call_is_pending(const struct guest *guest);
bool write_call(struct writer *writer, const struct guest *guest);

/* The reader's first half, which needs no module: fills snapshot->stage and ->initialize. */
bool open_call(struct snapshot *snapshot, struct error *error);
/* Its second half: that what is still to be called can be. */
bool check_call(const struct snapshot *snapshot, const struct instance *instance,
                struct error *error);

#endif
