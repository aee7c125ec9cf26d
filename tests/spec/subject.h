/* subject.h - a module of a script with its instance, linked to others or torn down all the time.
 *
 * In teardown mode an instance that shares nothing with another one (it imports nothing but
 * `spectest`, and nobody imports from it) is written to bytes at every k-th unit of fuel and at
 * every call of the host, destroyed, and rebuilt from the bytes, before it goes on. */
#ifndef SPEC_SUBJECT_H
#define SPEC_SUBJECT_H

#include "host.h"
#include "state/snapshot.h"

struct settings {
    uint32_t teardown;   /* k, or 0: never */
    uint32_t stack_size; /* bytes */
    uint64_t fuel;       /* units that a call may use, or 0: any number */
};

/* What was done, over all files. */
struct work {
    uint64_t fuel; /* units, exhaustions left out: they depend on the stack's size */
    uint64_t teardowns;
};

struct subject {
    struct subject *next; /* the one made before it */
    const struct settings *settings;
    struct work *work;
    struct buffer bytes;
    struct module module;
    bool loaded;
    uint8_t hash[MODULE_HASH_SIZE];
    struct extern_value *imports;
    struct instance *instance;
    struct spectest *spectest; /* its own, if it is torn down */
    bool linked;               /* shares instances with other subjects */
    uint32_t countdown;        /* fuel until the next teardown */
};

/* Supplies one import. False with an ERROR_LINK: "unknown import". */
typedef bool (*importer)(void *context, struct subject *subject, const struct import *import,
                         struct extern_value *value, struct error *error);

/* What came of a call. */
struct outcome {
    enum run_status status; /* RUN_DONE, RUN_TRAP, RUN_OUT_OF_FUEL */
    enum trap trap;
    char message[160];             /* the trap's, or "out of fuel" */
    const struct subject *subject; /* whose function it was */
    const struct functype *type;   /* the function's */
    struct buffer trace;  /* after a trap: "FUNCIDX:OFFSET " of each frame, innermost first */
    union value *results; /* owned; freed by outcome_free */
};

void outcome_free(struct outcome *outcome);

/* Reads and validates the module in a file. The subject is to be destroyed whatever comes of it. */
bool subject_load(struct subject *subject, const char *path, struct error *error);

/* Links, instantiates, and runs the start function; ERROR_TRAP when that traps. After a trap the
 * instance exists, for others may hold its functions. */
bool subject_instantiate(struct subject *subject, importer import, void *context,
                         struct error *error);
void subject_destroy(struct subject *subject);

bool subject_is_torn(const struct subject *subject);

/* The export of that name, whatever its kind; NULL when there is none. */
const struct export *subject_export(const struct subject *subject, struct span name);
void subject_extern(const struct subject *subject, const struct export *export,
                    struct extern_value *value);

/* Calls a function to its end. False (`error`): something went wrong that is no trap. */
bool subject_call(struct subject *subject, uint32_t funcidx, const union value *arguments,
                  struct outcome *outcome, struct error *error);

bool file_bytes(const char *path, struct buffer *buffer, struct error *error);

#endif
