/* inputs.h - files that can be read once only, or that have no name: `<(cat app.wasm)`, a FIFO,
 * /dev/stdin. A guest's process and its host open their files themselves, and some are read twice,
 * so such a one is read into memory when the options are, and its path becomes that of a file in
 * memory (/proc/self/fd/N), which this process and its children can open as often as they want.
 *
 * Keys are not among them, nor the runtime of sealed modules: they are read once, by this process,
 * and keys stay nowhere. */
#ifndef CLI_NATIVE_INPUTS_H
#define CLI_NATIVE_INPUTS_H

#include "cli/incoming.h" /* inputs_take */
#include "cli/native/registry.h"

/* Of the options' paths, those of files in memory become paths of files in the guest's directory,
 * which a host can open. */
bool inputs_lend(struct options *options, const struct registered *entry, struct error *error);

/* Whether it is the descriptor of such a file, or one that a snapshot goes to: a child keeps it. */
bool input_is_descriptor(int descriptor);

#endif
