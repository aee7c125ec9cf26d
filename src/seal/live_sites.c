/* live_sites.c - collects a function's sites and numbers their live sets. */
#include "seal/live_sites.h"

#include <string.h>

#include "lower/liveness.h"

static uint64_t hash(const uint64_t *set, uint32_t words)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < words; i++)
        sum = (sum ^ set[i]) * 0x9E3779B97F4A7C15u ^ sum >> 29;
    return sum ^ sum >> 32;
}

static uint64_t *set_at(const struct sites *sites, uint32_t number)
{
    return (uint64_t *)(void *)sites->sets.data + (size_t)number * sites->words;
}

/* The entry of the table that has the set, or the empty one where it belongs. */
static uint32_t *find(const struct sites *sites, const uint64_t *set)
{
    uint32_t *table = (uint32_t *)(void *)sites->table.data;
    size_t mask = sites->table.size / sizeof *table - 1;
    for (size_t i = hash(set, sites->words) & mask;; i = (i + 1) & mask)
        if (table[i] == 0 ||
            memcmp(set_at(sites, table[i] - 1), set, sites->words * sizeof *set) == 0)
            return &table[i];
}

static bool grow(struct sites *sites)
{
    size_t size = sites->table.size ? sites->table.size * 2 : 64 * sizeof(uint32_t);
    uint32_t count = (uint32_t)(sites->sets.size / sizeof(uint64_t) / sites->words);
    sites->table.size = 0;
    if (!buffer_extend(&sites->table, size))
        return false;
    memset(sites->table.data, 0, size);
    for (uint32_t i = 0; i < count; i++)
        *find(sites, set_at(sites, i)) = i + 1;
    return true;
}

static bool number_of(struct sites *sites, const uint64_t *set, uint32_t *number)
{
    uint32_t count = (uint32_t)(sites->sets.size / sizeof *set / sites->words);
    if (2 * (size_t)count >= sites->table.size / sizeof(uint32_t) && !grow(sites))
        return false;
    uint32_t *entry = find(sites, set);
    if (*entry == 0) {
        buffer_put(&sites->sets, set, sites->words * sizeof *set);
        *entry = count + 1;
    }
    *number = *entry - 1;
    return true;
}

/* A resume copy has all the operands of a site on the stack again: a call in an argument of a call in
 * an argument ... makes it grow with the square. So many operands of all sites of a function together
 * are accepted: 1,400 such calls. */
#define OPERANDS_MAX 1000000u

static bool too_many(const struct sites *sites)
{
    return sites->operands.size > OPERANDS_MAX * sizeof(struct operand);
}

static bool keep(void *context, const struct site *site, const uint64_t *live)
{
    struct sites *sites = context;
    struct sealed_site kept = {
        .kind = site->kind, .offset = site->offset, .noperands = site->noperands};
    kept.operands = (uint32_t)(sites->operands.size / sizeof(struct operand));
    buffer_put(&sites->operands, site->operands, site->noperands * sizeof(struct operand));
    if (!number_of(sites, live, &kept.set))
        return false;
    buffer_put(&sites->list, &kept, sizeof kept);
    return !too_many(sites);
}

bool sites_make(struct sites *sites, const struct module *module, uint32_t funcidx,
                struct error *error)
{
    sites->words = module->funcs[funcidx].nlocals / 64 + 1;
    if (!lower_liveness(module, funcidx, keep, sites, error))
        return false;
    if (too_many(sites))
        return error_set(error, ERROR_UNSUPPORTED,
                         "the module cannot be sealed: function %u has too many operands below its "
                         "calls (the interpreter runs it)",
                         funcidx);
    if (!sites->list.failed && !sites->operands.failed && !sites->sets.failed &&
        !sites->table.failed)
        return true;
    return error_set(error, ERROR_MEMORY, "no memory for the sites of function %u", funcidx);
}

void sites_free(struct sites *sites)
{
    buffer_free(&sites->list);
    buffer_free(&sites->operands);
    buffer_free(&sites->sets);
    buffer_free(&sites->table);
}
