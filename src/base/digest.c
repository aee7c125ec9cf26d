#include "base/digest.h"

#include <stdlib.h>

#include "blake3.h"

struct digest {
    blake3_hasher hasher;
};

struct digest *digest_begin(void)
{
    struct digest *digest = malloc(sizeof *digest);
    if (digest)
        blake3_hasher_init(&digest->hasher);
    return digest;
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
    blake3_hasher_update(&digest->hasher, data, size);
}

void digest_end(struct digest *digest, uint8_t value[DIGEST_SIZE])
{
    if (value)
        blake3_hasher_finalize(&digest->hasher, value, DIGEST_SIZE);
    free(digest);
}

void digest_of(const void *data, size_t size, uint8_t value[DIGEST_SIZE])
{
    blake3_hasher hasher;
    blake3_hasher_init(&hasher);
    blake3_hasher_update(&hasher, data, size);
    blake3_hasher_finalize(&hasher, value, DIGEST_SIZE);
}
