/* posix.h - shared by the files of host/posix. */
#ifndef HOST_POSIX_POSIX_H
#define HOST_POSIX_POSIX_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "host/preview1.h"

/* The preview's number for an `errno`. */
wasi_errno errno_of(int number);
/* The preview's number for the `errno` of the call that has just failed. */
wasi_errno last_errno(void);
/* 0 → success, -1 → last_errno. */
wasi_errno errno_result(int result);

void filestat_of(struct filestat *to, const struct stat *from);
uint8_t filetype_of_mode(unsigned mode);
/* The third argument of utimensat. */
void times_of(struct timespec times[2], uint64_t atim, uint64_t mtim, uint16_t fstflags);
int open_flags_of(uint16_t fdflags);

/* wait.c: from now on, or no longer, calls that wait end with EINTR after some milliseconds. */
void interrupt_calls(bool on);

#endif
