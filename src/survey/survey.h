/* survey/ - what a file that somebody wants to run is, and what it lacks to run: for messages,
 * where the decoder stops at the first thing that it does not know. Reads the proposals that
 * Yadokari does not have as well, as far as it takes to pass over them. Uses base/, wasm/ and the
 * names of WASI's functions. Only the native command and the sealer have it: yadokari.wasm is to
 * stay small.
 *
 *     container.c   files that are no module: text, components, archives, ...
 *     before_code.c    types, imports, memories: what a module wants before its code
 *     bodies.c        over the instructions of all proposals, to see which are used
 *     kinds.c       who made a module for whom, told by its imports
 *     survey.c      all of it in one message
 *
 * survey.h - the question. */
#ifndef SURVEY_SURVEY_H
#define SURVEY_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Whether the interpreter and the sealer have what the file asks for. If not, `error` says what
 * kind of file it is and names every feature and every import that it lacks, cleaned for a terminal
 * and as far as there is room: ERROR_MALFORMED when it is no module at all, ERROR_UNSUPPORTED with
 * a feature, else ERROR_LINK. True also for a module that is malformed or not valid in other ways:
 * module_load tells of that. */
bool survey(const uint8_t *bytes, size_t size, struct error *error);

/* After something else has failed on these bytes: puts the survey's error into the place of `error`
 * if it has one. Returns false. */
bool survey_explain(const uint8_t *bytes, size_t size, struct error *error);

#endif
