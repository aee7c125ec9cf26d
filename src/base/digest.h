/* digest.h - BLAKE3-256 of bytes that come in pieces. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32

struct digest;

/* NULL when memory runs out; freed by digest_end. */
struct digest *digest_begin(void);
void digest_add(struct digest *digest, const void *data, size_t size);
/* `value` may be NULL. */
void digest_end(struct digest *digest, uint8_t value[DIGEST_SIZE]);

/* Of bytes that are all there. */
void digest_of(const void *data, size_t size, uint8_t value[DIGEST_SIZE]);

#endif
