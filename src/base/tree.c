#include "base/tree.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

void tree_put(struct tree *tree, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        tree->failed = true;
}

void tree_append(struct tree *tree, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        tree->failed = true;
}

json_t *tree_text(const void *data, size_t size)
{
    json_t *text = json_stringn(size ? data : "", size);
    return text ? text : json_pack("{s:o}", "base64", tree_base64(data, size));
}

json_t *tree_u64(uint64_t number)
{
    return json_sprintf("%" PRIu64, number);
}

json_t *tree_bits(uint64_t number, unsigned digits)
{
    return json_sprintf("0x%0*" PRIx64, (int)digits, number);
}

json_t *tree_hex(const uint8_t *bytes, size_t size)
{
    char *text = malloc(2 * size + 1);
    json_t *value = text ? json_string(sodium_bin2hex(text, 2 * size + 1, bytes, size)) : NULL;
    free(text);
    return value;
}

json_t *tree_base64(const uint8_t *bytes, size_t size)
{
    size_t length = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(length);
    json_t *value = NULL;
    if (text) {
        sodium_bin2base64(text, length, size ? bytes : (const uint8_t *)"", size,
                          sodium_base64_VARIANT_ORIGINAL);
        value = json_stringn_nocheck(text, length - 1);
    }
    free(text);
    return value;
}
