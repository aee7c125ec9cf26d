/* hash.c - checksums, from their library. */
#include "state/hash.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include "xxhash.h"

struct checksum {
    XXH3_state_t *state;
};

struct checksum *checksum_create(void)
{
    struct checksum *checksum = calloc(1, sizeof *checksum);
    if (checksum)
        checksum->state = XXH3_createState();
    if (checksum && !checksum->state) {
        free(checksum);
        return NULL;
    }
    if (checksum)
        checksum_reset(checksum);
    return checksum;
}

void checksum_destroy(struct checksum *checksum)
{
    if (checksum)
        XXH3_freeState(checksum->state);
    free(checksum);
}

void checksum_reset(struct checksum *checksum)
{
    XXH3_64bits_reset(checksum->state);
}

void checksum_add(struct checksum *checksum, const void *data, size_t size)
{
    if (size)
        XXH3_64bits_update(checksum->state, data, size);
}

uint64_t checksum_value(const struct checksum *checksum)
{
    return XXH3_64bits_digest(checksum->state);
}

uint64_t checksum_of(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}
