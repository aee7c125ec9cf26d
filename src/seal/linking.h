/* linking.h - what linker.c shares with its parts; internal to seal/.
 *
 *     plan.c           types and functions that are made as they are asked for
 *     runtime.c        the runtime's bodies, with the numbers that its functions, types and globals get
 *     glue.c           the functions between the two: what the runtime imports of the guest, and the
 *                      guest's imports
 *     name_section.c   the name section
 *     linker.c         the index spaces, and the sections one after the other
 *
 * The sealed module's index spaces:
 *
 *     functions   the runtime's imports of WASI │ the runtime's own │ glue │ for each function of the guest: its
 *                 imports, hot copies │ resume copies │ helpers
 *     globals     the runtime's │ fuel │ unwinding │ the guest's
 *     table       the runtime's │ null │ hot (and imports), by funcidx │ resume, by funcidx │ the fixed table
 */
#ifndef SEAL_LINKING_H
#define SEAL_LINKING_H

#include "seal/encode.h"
#include "seal/seal.h"

/* What the runtime imports from the module "guest". GLUE(name, parameters, results) */
#define GLUE_FUNCTIONS(GLUE)                                                                     \
    GLUE(enter, "i", "")                                                                         \
    GLUE(resume, "ii", "")                                                                       \
    GLUE(globals_out, "i", "")                                                                   \
    GLUE(globals_in, "i", "")                                                                    \
    GLUE(fuel, "", "i")                                                                          \
    GLUE(set_fuel, "i", "")                                                                      \
    GLUE(set_unwinding, "i", "")                                                                 \
    /* With options.multi_memory, else never called: the instructions, on the guest's memory. */ \
    GLUE(memory_size, "", "i")                                                                   \
    GLUE(memory_grow, "i", "i")                                                                  \
    GLUE(memory_fill, "iii", "")                                                                 \
    GLUE(memory_out, "iii", "")                                                                  \
    GLUE(memory_in, "iii", "")

enum glue_function {
#define GLUE(name, parameters, results) GLUE_##name,
    GLUE_FUNCTIONS(GLUE)
#undef GLUE
        GLUE_COUNT
};

struct linker {
    struct plan plan;
    const struct module *guest, *runtime;
    struct analysis *analysis;
    struct span snapshot;
    uint32_t *runtime_types, *runtime_functions; /* the sealed module's index, by the runtime's */
    uint32_t *hot, *resume, *globals;            /* what the plan points to */
    uint32_t *fixed; /* funcidx of each element of the fixed table; UINT32_MAX: null */
    uint32_t first_glue;
    uint32_t module_start, snapshot_start, heap_end; /* addresses */
    uint32_t own_pages;                              /* of the runtime, with the page behind them */
    uint32_t module_offset;                          /* of the guest's module in the sealed one */
    struct buffer functions;   /* uint32_t: the type of each function that is not imported */
    struct buffer code;        /* their bodies, with sizes, up to the last hot copy */
    struct buffer resume_code; /* the rest of them */
    struct error *error;
};

/* ---- plan.c */

struct helper {
    uint32_t type;
    uint32_t hash;
    uint8_t *body; /* owned */
    size_t size;
};
bool plan_begin(struct plan *plan, struct error *error);
void plan_end(struct plan *plan);

/* ---- linker.c */

/* Adds a function, in the order of the index space. */
void add_function(struct linker *linker, uint32_t type, const struct buffer *body);

/* ---- runtime.c, glue.c: each appends its functions */

bool link_runtime(struct linker *linker);
/* The index of glue function `name`, or GLUE_COUNT. */
uint32_t glue_named(struct span name);
bool link_glue(struct linker *linker);
bool link_imports(struct linker *linker);

/* ---- name_section.c: appends the name section's contents */

bool link_names(struct linker *linker, struct buffer *section);

#endif
