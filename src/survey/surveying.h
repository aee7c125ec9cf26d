/* surveying.h - what the parts of the survey share. */
#ifndef SURVEY_SURVEYING_H
#define SURVEY_SURVEYING_H

#include "wasm/module.h"
#include "wasm/reader.h"

enum feature {
#define FEATURE(id, name) FEATURE_##id,
#include "survey/features.def"
    FEATURE_COUNT
};

/* An import that nothing here supplies. */
struct missing {
    struct span module, name;
    uint8_t kind;     /* enum externkind */
    bool wrong_type;  /* there is a function of that name, but of another type */
    uint32_t nparams; /* of a function whose type is known */
};

struct surveyed {
    uint32_t features; /* a bit for each enum feature */
    struct missing *missing;
    uint32_t nmissing, capacity;
    uint32_t memories;
    struct functype *types; /* by index; `types` NULL in one: not a type of plain functions */
    uint32_t ntypes, types_capacity;
    valtype
        *valtypes;   /* what they point to: each at its place in the file, so that there is room */
    bool is_object;  /* has what only a linker reads */
    bool is_dynamic; /* a library for a dynamic linker */
    bool failed;     /* memory ran out */
};

static inline bool needs(struct surveyed *surveyed, enum feature feature)
{
    surveyed->features |= 1u << feature;
    return true;
}

/* What a file is that is no module, or NULL. */
const char *container_name(const uint8_t *bytes, size_t size);

/* The sections of a module, from behind its header; as far as they can be read. */
void survey_sections(struct surveyed *surveyed, struct reader *reader);

/* Over a value type, a block type, a heap type. False when it cannot be read. */
bool survey_valtype(struct surveyed *surveyed, struct reader *reader, valtype *type);
bool survey_heaptype(struct surveyed *surveyed, struct reader *reader);

/* Over one function body's or constant expression's instructions, up to the end of the reader or of
 * the expression. False at what is no instruction of any proposal. */
bool survey_body(struct surveyed *surveyed, struct reader *reader);
bool survey_expression(struct surveyed *surveyed, struct reader *reader);

/* Calls `say` with what each kind of module is that the missing imports tell of, and what helps. */
void survey_kinds(const struct surveyed *surveyed, void (*say)(void *context, const char *what),
                  void *context);

#endif
