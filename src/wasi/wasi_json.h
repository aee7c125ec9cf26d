/* wasi_json.h - the WASI and files sections of a snapshot as JSON; native only. */
#ifndef WASI_WASI_JSON_H
#define WASI_WASI_JSON_H

#include "base/tree.h"
#include "wasi/wasi.h"

/* Replaces *wasi and *files, both null before, by what is in the sections. `files` stays null
 * without such a section. Errors are those of wasi_describe. */
bool wasi_json(const struct wasi_sections *sections, bool contents, struct tree *tree,
               json_t **wasi, json_t **files, struct error *error);

#endif
