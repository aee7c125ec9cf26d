/* host.h - the module `spectest`, which the official tests import. */
#ifndef SPEC_HOST_H
#define SPEC_HOST_H

#include "exec/execution.h"

enum { SPECTEST_FUNCTIONS = 7, SPECTEST_GLOBALS = 4 };

struct spectest {
    struct function *functions[SPECTEST_FUNCTIONS];
    struct global_instance globals[SPECTEST_GLOBALS];
    struct table table;
    struct memory memory;
    /* Functions stop the run at their first call and do their work when called again, as a sleep
     * does that a checkpoint interrupts. */
    bool stops;
    bool stopped;
};

bool spectest_create(struct spectest **spectest, struct error *error);
void spectest_destroy(struct spectest *spectest);

/* The export of that name and kind; false when there is none. */
bool spectest_export(struct spectest *spectest, enum externkind kind, const char *name,
                     struct extern_value *value);

#endif
