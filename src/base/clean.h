/* clean.h - text that others wrote, made such that a terminal may be given it.
 *
 * Whatever comes from a module, a snapshot, another machine, a host or a file's name goes through
 * here before it is shown: errors when they are set (error.h), names of functions where they are
 * asked for (wasm/module.h), everything else where a line is printed (cli/print.h). */
#ifndef BASE_CLEAN_H
#define BASE_CLEAN_H

#include <stddef.h>

/* Puts "?" in the place of each character that a terminal may obey or that nobody sees: control
 * characters (C0, DEL and C1), those that turn the direction of writing or have no width, those
 * that end a line; and of each byte that is not UTF-8. Returns the new size, which is at most the
 * old one. */
size_t clean(char *text, size_t size);

/* The same of a string. */
char *clean_string(char *text);

#endif
