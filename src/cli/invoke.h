/* invoke.h - which of a module's functions are called, and with what: `_start`, or `_initialize`
 * and what --invoke names, as `wasmtime run --invoke` has it. */
#ifndef CLI_INVOKE_H
#define CLI_INVOKE_H

#include "cli/options.h"
#include "state/snapshot.h"

/* Fills in the guest's calls; the module has been loaded. ERROR_USAGE: --invoke or an argument
 * makes no sense; ERROR_LINK: the module has nothing to call. */
bool invoke_prepare(struct guest *guest, const struct options *options, struct error *error);

/* Prints what the entry has returned, one value a line. */
void invoke_print_results(const struct guest *guest);

#endif
