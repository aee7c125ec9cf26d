/* life.h - whether a process lives: a file that it has locked, which the kernel unlocks however the
 * process ends. The lock is of the open file, so that who asks about it by another descriptor does
 * not touch it; no program that is started has it. */
#ifndef CLI_NATIVE_LIFE_H
#define CLI_NATIVE_LIFE_H

#include "base/path.h"

/* Makes the file unless it is there, and locks it for as long as the descriptor is open. -1 with
 * ERROR_IO when that cannot be, or somebody else has. */
int life_begin(const char *path, struct error *error);

/* Whether somebody has locked it. In doubt it is so. */
bool life_goes_on(const char *path);

/* Locks an open file; false when somebody else has. */
bool life_lock(int file);

#endif
