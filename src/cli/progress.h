/* progress.h - a bar on the terminal for what takes longer than a second:
 *
 *     sealing app.wasm      [---####-----------------------]   3 s
 *     sending the snapshot  [########----------------------]  17.2 of 64.0 MB
 *
 * On standard error, only when that is a terminal, and not while it is a guest's. A timer's signal
 * draws it, so that what takes the time need not know. The cursor stays at the beginning of the
 * line: whatever is printed meanwhile is printed over it. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#ifdef __wasm__ /* there the native command that started the host shows it */
#    define progress_begin(...) ((void)0)
#    define progress_end()      ((void)0)
#else
/* There is one at a time: the one before ends. */
void progress_begin(const char *format, ...) ERROR_PRINTF(1, 2);
void progress_end(void);
/* How much is done; `total` 0: nobody knows of how much. */
void progress_set(uint64_t done, uint64_t total);
/* The same of a file that grows. */
void progress_watch(const char *path, uint64_t total);
bool progress_is_on(void);
/* No more from here on: the terminal is the guest's. */
void progress_forbid(void);
#endif

#endif
