/* standby.h - a guest that arrives while it still runs elsewhere: `restore --standby DIR`.
 *
 *     DIR/0 1 2 ...   snapshots, each of what changed since the one before; applied as they appear
 *     DIR/last        the same, of the guest that has been stopped
 *     DIR/ready       written: all is restored, not one instruction executed
 *     DIR/go          only now does it run
 *     DIR/running     written before its first instruction: when that was
 *
 * and for the guest that leaves, while a checkpoint is answered (checkpoints.c):
 *
 *     DIR/hold        as long as it is there, the guest stays where it is
 *     DIR/hold.leave  it ends
 *
 * Who writes them and why in this order: docs/migration.md. */
#ifndef CLI_STANDBY_H
#define CLI_STANDBY_H

#include "cli/drive.h"

/* Waits for the guest and restores it. False with session->error. */
bool standby_receive(struct session *session);

#define HOLD_LEAVE ".leave"

/* Keeps a stopped guest while there is a file `hold`. True when it has left, since there is
 * hold.leave; false when it is to go on. */
bool standby_hold(const char *hold);

/* Nanoseconds since 1970, to compare moments in different processes. */
uint64_t wall_time(void);

#endif
