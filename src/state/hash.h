/* hash.h - the section checksum (XXH3-64), computed as bytes go by. */
#ifndef STATE_HASH_H
#define STATE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct checksum;
/* NULL when memory ran out. */
struct checksum *checksum_create(void);
void checksum_destroy(struct checksum *checksum);
void checksum_reset(struct checksum *checksum);
void checksum_add(struct checksum *checksum, const void *data, size_t size);
uint64_t checksum_value(const struct checksum *checksum);
uint64_t checksum_of(const void *data, size_t size);

#endif
