/* liveness.h - which locals of a function can still be read after each of its sites.
 *
 * A local is live at a site when some path from there reads it before it is written, or when an
 * operand of the site stands for it (OPERAND_LOCAL): whoever takes the guest up there takes the
 * operand from the local. All other locals may be written down as zero. */
#ifndef LOWER_LIVENESS_H
#define LOWER_LIVENESS_H

#include "lower/site.h"

/* `live` has a bit for each local: see is_live. Returns false to end the enumeration. */
typedef bool (*liveness_visitor)(void *context, const struct site *site, const uint64_t *live);

static inline bool is_live(const uint64_t *live, uint32_t local)
{
    return live[local / 64] >> local % 64 & 1;
}

/* As lower_sites, with what is live at each site. Time: the function's size times the nesting of
 * its loops, and a word for each 64 locals at each branch. */
bool lower_liveness(const struct module *module, uint32_t funcidx, liveness_visitor visit,
                    void *context, struct error *error);

#endif
