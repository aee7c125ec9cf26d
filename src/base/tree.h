/* tree.h - what a JSON document is made of; native only (jansson).
 *
 * Numbers of JSON stay below 2^53; what may be more is a string. Texts that are not UTF-8 are
 * objects {"base64": ...}. A value that could not be made for want of memory sets `failed`, so one
 * check at the end is enough. */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree {
    bool failed;
};

/* Takes the value over; NULL for it is a failure. */
void tree_put(struct tree *tree, json_t *object, const char *key, json_t *value);
void tree_append(struct tree *tree, json_t *array, json_t *value);

json_t *tree_text(const void *data, size_t size);
json_t *tree_u64(uint64_t number);                   /* "123" */
json_t *tree_bits(uint64_t number, unsigned digits); /* "0x7b" */
json_t *tree_hex(const uint8_t *bytes, size_t size);
json_t *tree_base64(const uint8_t *bytes, size_t size);

#endif
