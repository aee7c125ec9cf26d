/* standby.h - a guest that arrives while it still runs elsewhere: `restore --standby DIR`.
 *
 *     DIR/0 1 2 ...   snapshots, each of what changed since the one before; applied as they appear
 *     DIR/last        the same, of the guest that has been stopped
 *     DIR/ready       written: all is restored, not one instruction executed
 *     DIR/go          only now does it run
 *     DIR/running     written before its first instruction: when that was
 *
 * Who writes them and why in this order: docs/migration.md. */
#ifndef GUEST_STANDBY_H
#define GUEST_STANDBY_H

#include "guest/session.h"

/* Waits for the guest and restores it. False with session->error. */
bool standby_receive(struct session *session);

#endif
