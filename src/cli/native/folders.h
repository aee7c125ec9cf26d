/* folders.h - the directories of this user's that Yadokari keeps things in:
 *
 *     RUNTIME  ${XDG_RUNTIME_DIR:-/tmp}/yadokari-UID     guests that run (registry.h)
 *     CACHE    ${XDG_CACHE_HOME:-~/.cache}/yadokari      what was compiled and sealed; tools
 *     STATE    ${XDG_STATE_HOME:-~/.local/state}/yadokari   snapshots that are kept
 *     CONFIG   ${XDG_CONFIG_HOME:-~/.config}/yadokari    the user's hosts
 *
 * `~` is $HOME, or what the password database says, or an error: never a directory that others can
 * make. What is in them is run or believed, so each is looked at before: it must be a directory,
 * not a link, of this user's, that nobody else can write into (RUNTIME, STATE: enter). */
#ifndef CLI_NATIVE_FOLDERS_H
#define CLI_NATIVE_FOLDERS_H

#include "base/path.h"

enum folder { FOLDER_RUNTIME, FOLDER_CACHE, FOLDER_STATE, FOLDER_CONFIG };

/* The folder's path, made with its parents if need be, and looked at. ERROR_IO says what is wrong
 * with it. */
bool folder_path(enum folder folder, char path[PATH_ROOM], struct error *error);

/* The same without making it: one that is not there is no error. */
bool folder_find(enum folder folder, char path[PATH_ROOM], struct error *error);

/* The path of a file in it; its directories are made, private ones, or looked at. */
bool folder_file(enum folder folder, const char *file, char path[PATH_ROOM], struct error *error);

/* Looks at a directory: this user's, no link, without any of the mode's bits in `others`, such as
 * 077 or 022. */
bool folder_is_ours(const char *path, unsigned others, struct error *error);

/* Makes a directory of mode 0700 unless it is there, then looks at it: nobody else can enter. */
bool folder_private(const char *path, struct error *error);

#endif
