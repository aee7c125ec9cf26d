/* imports.h - what WASI preview 1 supplies to a module, by name and type. */
#ifndef WASI_IMPORTS_H
#define WASI_IMPORTS_H

#include "wasm/module.h"

/* The number of functions.def's function of these names, or -1 when there is none. */
int wasi_function_named(struct span module, struct span name);

/* Whether that function has this type. */
bool wasi_function_has(int function, const struct functype *type);

/* Whether a call of that imported function can stop at its site, to be made again. Of what is not
 * WASI's nothing is known. */
bool wasi_import_can_stop(const struct import *import);

#endif
