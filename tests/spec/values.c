#include "values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const valtype types[] = {TYPE_I32, TYPE_I64,     TYPE_F32,
                                TYPE_F64, TYPE_FUNCREF, TYPE_EXTERNREF};

/* Reads "TYPE:" and returns what follows it, or NULL. */
static const char *type_parse(const char *word, valtype *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const char *name = valtype_name(types[i]);
        size_t length = strlen(name);
        if (strncmp(word, name, length) == 0 && word[length] == ':') {
            *type = types[i];
            return word + length + 1;
        }
    }
    return NULL;
}

/* Numbers are written signed or unsigned. */
static bool bits_parse(const char *text, uint64_t *bits)
{
    char *end;
    *bits = *text == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    return end != text && (*end == 0 || *end == '|');
}

bool value_parse(const char *word, valtype *type, union value *value)
{
    const char *text = type_parse(word, type);
    uint64_t bits;
    memset(value, 0, sizeof *value);
    if (!text)
        return false;
    if (valtype_is_reference(*type) && strncmp(text, "null", 4) == 0)
        return true;
    if (!bits_parse(text, &bits) || *type == TYPE_FUNCREF)
        return false;
    if (*type == TYPE_EXTERNREF)
        value->ref = (reference)bits + 1;
    else if (*type == TYPE_I64 || *type == TYPE_F64)
        value->i64 = bits;
    else
        value->i32 = (uint32_t)bits;
    return true;
}

/* Canonical: the payload is the quiet bit alone. Arithmetic: the quiet bit is set. The sign is
 * free in both. */
static bool nan_matches(bool canonical, valtype type, union value value)
{
    uint64_t quiet = type == TYPE_F32 ? 0x7FC00000u : 0x7FF8000000000000u;
    uint64_t bits = type == TYPE_F32 ? value.i32 & 0x7FFFFFFFu : value.i64 & 0x7FFFFFFFFFFFFFFFu;
    return canonical ? bits == quiet : (bits & quiet) == quiet;
}

static bool same_value(valtype type, union value a, union value b)
{
    if (valtype_is_reference(type))
        return a.ref == b.ref;
    return type == TYPE_I64 || type == TYPE_F64 ? a.i64 == b.i64 : a.i32 == b.i32;
}

static bool one_matches(const char *pattern, valtype type, union value value)
{
    valtype wanted;
    union value exact;
    const char *text = type_parse(pattern, &wanted);
    if (!text || wanted != type)
        return false;
    if (strncmp(text, "nan:canonical", 13) == 0)
        return nan_matches(true, type, value);
    if (strncmp(text, "nan:arithmetic", 14) == 0)
        return nan_matches(false, type, value);
    if (*text == '*')
        return valtype_is_reference(type) && value.ref != 0;
    return value_parse(pattern, &wanted, &exact) && same_value(type, value, exact);
}

bool value_matches(const char *pattern, valtype type, union value value)
{
    while (!one_matches(pattern, type, value)) {
        pattern = strchr(pattern, '|');
        if (!pattern)
            return false;
        pattern++;
    }
    return true;
}

void value_print(valtype type, union value value, char *text, size_t size)
{
    const char *name = valtype_name(type);
    if (valtype_is_reference(type) && value.ref == 0)
        snprintf(text, size, "%s:null", name);
    else if (type == TYPE_FUNCREF)
        snprintf(text, size, "%s:*", name);
    else if (type == TYPE_EXTERNREF)
        snprintf(text, size, "%s:%" PRIuPTR, name, value.ref - 1);
    else if (type == TYPE_I64 || type == TYPE_F64)
        snprintf(text, size, "%s:%" PRIu64, name, value.i64);
    else
        snprintf(text, size, "%s:%" PRIu32, name, value.i32);
}
