/* filestat.h - a filestat from a host, and whether that host is one of the old.
 *
 * The preview's predecessor had a link count of 32 bits, which made the structure 56 bytes long,
 * and hosts of 2020 (WAMR) fill in that one under the new name:
 *
 *     preview 1   dev 0 │ ino 8 │ type 16 │ links 24 u64 │ size 32 │ atim 40 │ mtim 48 │ ctim 56
 *     before      dev 0 │ ino 8 │ type 16 │ links 20 u32 │ size 24 │ atim 32 │ mtim 40 │ ctim 48
 *
 * They are told apart by whether the last eight bytes have been written. */
#ifndef HOST_WASI_FILESTAT_H
#define HOST_WASI_FILESTAT_H

#include <stdbool.h>

#include "host/preview1.h"

/* Before and after the host's call. */
void filestat_prepare(struct filestat *stat);
void filestat_settle(struct filestat *stat);

/* Whether the host has the predecessor's structures under preview 1's name. */
bool host_has_old_structures(void);

#endif
