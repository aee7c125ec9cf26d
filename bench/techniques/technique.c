/* technique.c - leaves out what YADO_WITHOUT in the environment names: "LOCALS,FUSION" (the names
 * of techniques.def). */
#include "lower/technique.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[TECHNIQUE_COUNT] = {
#define TECHNIQUE(name, what) #name,
#define LINK(name, what)      #name,
#include "lower/techniques.def"
};

static uint32_t number_of(const char *name)
{
    for (uint32_t i = 0; i < TECHNIQUE_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fprintf(stderr, "YADO_WITHOUT: no technique %s in src/lower/techniques.def\n", name);
    exit(2);
}

bool uses(enum technique technique)
{
    static bool read;
    static uint64_t without;
    if (!read) {
        const char *given = getenv("YADO_WITHOUT");
        char *text = strdup(given ? given : "");
        for (char *name = strtok(text, ","); name; name = strtok(NULL, ","))
            without |= 1ull << number_of(name);
        free(text);
        read = true;
    }
    return !(without >> technique & 1);
}

/* What an instruction is to the links of techniques.def. */
enum kind {
    KIND_NONE,
    KIND_LOAD,
    KIND_STORE,
    KIND_STORE_ABS,
    KIND_CONVERT,
    KIND_MULTIPLY,
    KIND_ADD,
    KIND_OPERATE,
    KIND_BRANCH,
    KIND_CONSTANT,
    KIND_RETURN
};

static enum kind kind_of(enum code code)
{
    switch (code) {
    case CODE_I32_MUL_RR:
    case CODE_I32_MUL_RK:
    case CODE_I64_MUL_RR:
    case CODE_I64_MUL_RK:
    case CODE_F32_MUL_RR:
    case CODE_F64_MUL_RR: return KIND_MULTIPLY;
    case CODE_I32_ADD_RR:
    case CODE_I32_ADD_RK:
    case CODE_I64_ADD_RR:
    case CODE_I64_ADD_RK:
    case CODE_F32_ADD_RR:
    case CODE_F64_ADD_RR: return KIND_ADD;
    case CODE_CONST32:
    case CODE_CONST64: return KIND_CONSTANT;
    case CODE_RETURN_ONE: return KIND_RETURN;
    case CODE_BR_IF:
    case CODE_BR_IF_LOOP:
    case CODE_BR_UNLESS:
    case CODE_BR_UNLESS_LOOP: return KIND_BRANCH;
    default: break;
    }
    switch (code) {
#define BOTH(name, kind)   \
    case CODE_##name##_RR: \
    case CODE_##name##_RK: return (kind);
#define BINARY(name, ...)          BOTH(name, KIND_OPERATE)
#define BINARY_COMMUTES(name, ...) BOTH(name, KIND_OPERATE)
#define BINARY_TRAPS(name, ...)    BOTH(name, KIND_OPERATE)
#define BINARY_FLOAT(name, ...) \
    case CODE_##name##_RR: return KIND_OPERATE;
#define UNARY(name, ...) \
    case CODE_##name: return KIND_CONVERT;
#define UNARY_TRAPS(name, ...) \
    case CODE_##name: return KIND_CONVERT;
#define COMPARE(name, ...)       \
    BOTH(name, KIND_OPERATE)     \
    BOTH(name##_BR, KIND_BRANCH) \
    BOTH(name##_LOOP, KIND_BRANCH)
#define COMPARE_FLOAT(name, ...)                \
    case CODE_##name##_RR: return KIND_OPERATE; \
    case CODE_##name##_BR_RR:                   \
    case CODE_##name##_LOOP_RR: return KIND_BRANCH;
#define LOAD(name, ...)     \
    case CODE_##name:       \
    case CODE_##name##_FAR: \
    case CODE_##name##_ABS: return KIND_LOAD;
#define STORE(name, ...)                       \
    case CODE_##name:                          \
    case CODE_##name##_FAR: return KIND_STORE; \
    case CODE_##name##_ABS: return KIND_STORE_ABS;
#include "lower/code.def"
    default: return KIND_NONE;
    }
}

static bool operates(enum kind kind)
{
    return kind == KIND_CONVERT || kind == KIND_MULTIPLY || kind == KIND_ADD ||
           kind == KIND_OPERATE;
}

static enum technique link_of(enum code from_code, enum code to_code, uint32_t field)
{
    enum kind from = kind_of(from_code), to = kind_of(to_code);
    bool stored = to == KIND_STORE_ABS || (to == KIND_STORE && field == 4);
    bool address = to == KIND_LOAD || (to == KIND_STORE && field == 2);
    if (to == KIND_RETURN)
        return LINK_RETURN;
    if (from == KIND_CONSTANT)
        return LINK_CONSTANT;
    if (from == KIND_LOAD && address)
        return LINK_LOAD_ADDRESS;
    if (from == KIND_LOAD && stored)
        return LINK_LOAD_STORE;
    if (from == KIND_LOAD && to == KIND_CONVERT)
        return LINK_LOAD_EXTEND;
    if (from == KIND_LOAD && (operates(to) || to == KIND_BRANCH))
        return LINK_LOAD_OPERATE;
    if (!operates(from))
        return LINK_OTHER;
    if (address)
        return LINK_OPERATE_ADDRESS;
    if (stored)
        return LINK_OPERATE_STORE;
    if (from == KIND_MULTIPLY && to == KIND_ADD)
        return LINK_MULTIPLY_ADD;
    if (to == KIND_BRANCH)
        return LINK_OPERATE_BRANCH;
    return operates(to) ? LINK_OPERATE_OPERATE : LINK_OTHER;
}

bool uses_link(enum code from, enum code to, uint32_t field)
{
    return uses(link_of(from, to, field));
}
