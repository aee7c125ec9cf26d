/* wasm/ - the binary format: a reader for its bytes, the module as a structure, the validator.
 * Uses base/ only.
 *
 * module.h - a decoded module. (Specification, Structure, Modules.)
 *
 *        bytes ──module_load──▶ struct module ──▶ lower/, exec/, state/, seal/
 *
 * A module keeps the bytes that it was decoded from and points into them: names, function bodies
 * and segments are never copied. After module_load the module is constant. */
#ifndef WASM_MODULE_H
#define WASM_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Value types, by their byte in the binary format. */
enum {
    TYPE_I32 = 0x7F,
    TYPE_I64 = 0x7E,
    TYPE_F32 = 0x7D,
    TYPE_F64 = 0x7C,
    TYPE_FUNCREF = 0x70,
    TYPE_EXTERNREF = 0x6F
};
typedef uint8_t valtype;

/* "i32", "funcref", ... or "unknown". */
const char *valtype_name(valtype type);
static inline bool valtype_is_reference(valtype type)
{
    return type == TYPE_FUNCREF || type == TYPE_EXTERNREF;
}

/* A name or a segment: bytes inside the module. Names are valid UTF-8 and not terminated. */
struct span {
    const uint8_t *data;
    uint32_t size;
};
bool span_is(struct span span, const char *text);

struct functype {
    const valtype *types; /* parameters, then results */
    uint32_t nparams;
    uint32_t nresults;
    uint32_t canonical; /* index of the first equal type: equal types have equal numbers */
};
bool functype_equal(const struct functype *a, const struct functype *b);

struct limits {
    uint32_t min; /* pages of 64 KiB, or elements */
    uint32_t max; /* UINT32_MAX for a table without one, 65536 for a memory without one */
    bool has_max;
};

struct tabletype {
    valtype element;
    struct limits limits;
};

struct globaltype {
    valtype type;
    bool mutable;
};

/* By their byte in the binary format. */
enum externkind {
    EXTERN_FUNC = 0,
    EXTERN_TABLE = 1,
    EXTERN_MEMORY = 2,
    EXTERN_GLOBAL = 3,
    EXTERN_TAG = 4
};

struct import {
    struct span module;
    struct span name;
    enum externkind kind;
    uint32_t index; /* in that kind's index space */
};

struct export
{
    struct span name;
    enum externkind kind;
    uint32_t index;
};

/* One function of the index space, imports first. */
struct func {
    uint32_t type;   /* index in module.types */
    bool referenced; /* by an element segment or a ref.func: else the module makes no reference */
    /* The rest is zero for an imported function. */
    uint32_t code;         /* offset in the module of the first instruction, after the local
                              declarations: the offset of the function's entry site */
    uint32_t code_end;     /* offset after the final `end` */
    uint32_t locals;       /* offset of the vector of local declarations */
    uint32_t nlocals;      /* parameters and declared locals together */
    uint32_t max_operands; /* highest operand stack (values), found by the validator */
};

struct global {
    struct globaltype type;
    uint32_t init; /* offset in the module of its constant expression; unused for an imported one */
};

enum segment_mode { SEGMENT_ACTIVE, SEGMENT_PASSIVE, SEGMENT_DECLARATIVE };

struct elem_segment {
    enum segment_mode mode;
    valtype type;
    uint32_t table;
    uint32_t offset; /* in the module, of the constant expression; active only */
    uint32_t nelements;
    bool expressions;  /* elements are constant expressions, otherwise function indices */
    uint32_t elements; /* offset in the module of the first element */
};

struct data_segment {
    enum segment_mode mode;
    uint32_t offset; /* in the module, of the constant expression; active only */
    struct span bytes;
};

struct custom_section {
    struct span name;
    struct span bytes; /* what follows the name */
};

struct module {
    const uint8_t *bytes; /* owned by the caller of module_load */
    uint32_t size;

    struct functype *types;
    valtype *valtypes; /* what the types point to */
    uint32_t ntypes;
    struct import *imports;
    uint32_t nimports;
    struct export *exports;
    uint32_t nexports;

    struct func *funcs; /* the whole index space: imported ones first */
    uint32_t nfuncs, nimported_funcs;
    struct tabletype *tables;
    uint32_t ntables, nimported_tables;
    struct limits *memories;
    uint32_t nmemories, nimported_memories; /* at most one */
    struct global *globals;
    uint32_t nglobals, nimported_globals;

    bool has_start;
    uint32_t start;
    struct elem_segment *elems;
    uint32_t nelems;
    struct data_segment *datas;
    uint32_t ndatas;
    struct custom_section *customs;
    uint32_t ncustoms;
    uint32_t code_size;  /* bytes of the code section */
    bool has_tail_calls; /* a return_call or return_call_indirect is somewhere in it */
};

/* Decodes and validates `bytes` into `module` in one pass over each function. `bytes` must stay
 * where it is as long as the module. On failure `error` names the byte offset and the reason, and
 * nothing needs to be freed. Time and memory are linear in `size`, but for sorting types and export
 * names (n log n), whatever counts the module states. Limits, beyond which ERROR_UNSUPPORTED: 1,000
 * parameters and 1,000 results of a function type, 50,000 locals and 1,000,000 operands of a
 * function, a size of 1 GiB.
 * (Specification, Binary Format and Validation; feature set: WebAssembly 2.0 without SIMD, tail
 * calls, extended constant expressions. A module that needs more gets ERROR_UNSUPPORTED with the
 * name of the feature where it can be told.) */
bool module_load(struct module *module, const uint8_t *bytes, size_t size, struct error *error);
void module_free(struct module *module);

/* The same for a module that module_load has accepted before, in the time that its size without
 * function bodies asks for. Of a function's body only the place is known (`locals`, `code_end`)
 * until module_load_function; `referenced` is true, and has_tail_calls false. */
bool module_load_outline(struct module *module, const uint8_t *bytes, size_t size,
                         struct error *error);
/* Fills in the rest of struct func, unless it is there. */
bool module_load_function(const struct module *module, uint32_t funcidx, struct error *error);

/* The type of a function of the index space. */
static inline const struct functype *module_functype(const struct module *module, uint32_t funcidx)
{
    return &module->types[module->funcs[funcidx].type];
}

/* The type of the block that the instruction (wasm/walk.h) begins. */
struct instruction;
const struct functype *module_blocktype(const struct module *module,
                                        const struct instruction *block);

/* The export of that kind and name, or NULL. */
const struct export *module_export(const struct module *module, enum externkind kind,
                                   const char *name);

/* Finds the name of a function: from the name section, else from an export, else from an import.
 * Returns an empty span when it has none. Scans the section: for messages, not for hot code.
 * The name section is untrusted and never validated beforehand: this checks as it goes. */
struct span module_func_name(const struct module *module, uint32_t funcidx);

/* Writes "name" or "func[12]" into `text`, cut to fit, control characters replaced, terminated.
 * Returns `text`. */
char *module_func_label(const struct module *module, uint32_t funcidx, char *text, size_t size);

#endif
