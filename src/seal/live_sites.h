/* live_sites.h - the sites of one function with what lives at each, as both copies need them. Internal
 * to seal/. */
#ifndef SEAL_LIVE_SITES_H
#define SEAL_LIVE_SITES_H

#include "base/buffer.h"
#include "lower/site.h"

struct sealed_site {
    enum site_kind kind;
    uint32_t offset;
    uint32_t noperands;
    uint32_t operands; /* first in sites.operands */
    uint32_t set;      /* which live set: sites with equal ones have the same number */
};

struct sites {
    uint32_t words;         /* of a live set */
    struct buffer list;     /* struct sealed_site */
    struct buffer operands; /* struct operand */
    struct buffer sets;     /* live sets */
    struct buffer table;    /* uint32_t: hash table of sets, number + 1 */
};

bool sites_make(struct sites *sites, const struct module *module, uint32_t funcidx,
                struct error *error);
void sites_free(struct sites *sites);

static inline uint32_t sites_count(const struct sites *sites)
{
    return (uint32_t)(sites->list.size / sizeof(struct sealed_site));
}

static inline const struct sealed_site *site_at(const struct sites *sites, uint32_t index)
{
    return (const struct sealed_site *)(const void *)sites->list.data + index;
}

static inline const struct operand *site_operand(const struct sites *sites,
                                                 const struct sealed_site *site, uint32_t height)
{
    return (const struct operand *)(const void *)sites->operands.data + site->operands + height;
}

static inline const uint64_t *site_live(const struct sites *sites, const struct sealed_site *site)
{
    return (const uint64_t *)(const void *)sites->sets.data + (size_t)site->set * sites->words;
}

#endif
