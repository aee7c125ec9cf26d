/* linker.h - the last step of sealing; internal to seal/. */
#ifndef SEAL_LINKER_H
#define SEAL_LINKER_H

#include "seal/seal.h"

/* Appends the sealed module, without what seal.c puts behind it. `snapshot`: what it begins with,
 * or empty. `module_offset`: where in `output` the guest's module is. */
bool link_module(const struct module *guest, const struct module *runtime,
                 const struct seal_options *options, struct span snapshot, struct buffer *output,
                 uint32_t *module_offset, struct error *error);

#endif
