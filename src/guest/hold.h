/* hold.h - a stopped guest stays until its snapshot is where it belongs. Internal to guest/, and for
 * who asks for checkpoints.
 *
 *     DIR/hold        as long as it is there, the guest stays where it is
 *     DIR/hold.leave  it ends */
#ifndef GUEST_HOLD_H
#define GUEST_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLD_LEAVE ".leave"

/* Keeps a stopped guest while there is a file `hold`. True when it has left, since there is
 * hold.leave; false when it is to go on. */
bool hold_guest(const char *hold);

/* Waits a moment; downtime has two of them in it. */
void rest_a_moment(void);

/* Nanoseconds since 1970, to compare moments in different processes. */
uint64_t wall_time(void);

#endif
