/* hosts/ - what stands behind hosts.h: the hosts' configuration files and how they are read, where
 * programs and files are, what hosts were asked, what was compiled for them, their command lines.
 *
 * places.h - where things are on this machine. */
#ifndef CLI_NATIVE_HOSTS_PLACES_H
#define CLI_NATIVE_HOSTS_PLACES_H

#include "base/buffer.h"
#include "base/path.h"

/* A program: $YADO_<PROGRAM>, else in the tools' folder ($YADO_TOOLS, or in the user's cache if that
 * is nobody else's: folders.h), else in $PATH; or the absolute path itself. `user` is the host that wants it, for the message. */
bool place_program(const char *program, const char *user, char path[PATH_ROOM],
                   struct error *error);

/* A file in the user's cache, whose directories are made and looked at: what is in it is run. */
bool place_cached(const char *file, char path[PATH_ROOM], struct error *error);

/* Whether there is a build of that name (NULL: no). */
bool place_is_build(const char *name);
/* A build of Yadokari: "switch", "bulk", "large" or "tail", for which $YADOKARI_WASM stands, or
 * "sockets" ($YADOKARI_SOCKETS). */
bool place_yadokari(const char *build, char path[PATH_ROOM], struct error *error);

/* The runtime of sealed modules, yadokari-sealed.wasm; or where $YADOKARI_SEALED says. */
bool place_runtime(char path[PATH_ROOM], struct error *error);

/* The folder of scripts/hosts. */
bool place_scripts(char path[PATH_ROOM], struct error *error);

/* Appends a text that says which file this is: its path, size and time. False when there is none. */
bool place_identity(const char *path, struct buffer *identity);

#endif
