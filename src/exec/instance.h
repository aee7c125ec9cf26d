/* exec/ - a module that runs: instances, memories, tables, globals, the interpreter's loop, traps
 * and the stack of frames. Uses lower/, wasm/, host/ (for memory) and base/.
 *
 * instance.h - the run-time structure (specification, Execution, Runtime Structure). */
#ifndef EXEC_INSTANCE_H
#define EXEC_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wasm/module.h"

struct execution;
struct instance;

/* A reference: 0 is null; a funcref is a `struct function *`; an externref is a number of the
 * embedder plus one. */
typedef uintptr_t reference;

/* One value. A slot of a frame, an argument, a global. Read it by the member of its type. */
union value {
    uint32_t i32;
    uint64_t i64;
    float f32;
    double f64;
    reference ref;
};

enum trap {
    TRAP_NONE,
    TRAP_UNREACHABLE,
    TRAP_MEMORY_BOUNDS,
    TRAP_TABLE_BOUNDS,
    TRAP_DIVIDE_BY_ZERO,
    TRAP_INTEGER_OVERFLOW,
    TRAP_INVALID_CONVERSION,
    TRAP_UNDEFINED_ELEMENT,     /* call_indirect: index outside the table */
    TRAP_UNINITIALIZED_ELEMENT, /* call_indirect: null */
    TRAP_INDIRECT_TYPE,         /* call_indirect: another type */
    TRAP_STACK_EXHAUSTED,
    TRAP_OUT_OF_MEMORY, /* the machine has no memory left for lowered code */
    TRAP_MEMORY_LIMIT,  /* the user allows no more memory */
    TRAP_HOST           /* a host function refused; message in execution.host_message */
};

/* The specification test suite's wording, e.g. "integer divide by zero". */
const char *trap_message(enum trap trap);

/* What a host function tells the interpreter. */
enum call_result {
    CALL_OK,   /* results are written */
    CALL_TRAP, /* execution.trap is set */
    CALL_EXIT, /* the guest ends: execution.exit_code is set (proc_exit) */
    CALL_STOP  /* not done: stop at this call's site; it is made again when the guest goes on */
};

/* A host function. `values` holds the arguments and takes the results, both from index 0. The
 * arguments must be unchanged when it returns CALL_STOP. */
typedef enum call_result (*host_function)(void *context, struct execution *execution,
                                          union value *values);

struct memory {
    uint8_t *base;
    uint64_t size; /* bytes: pages * 65536 */
    uint32_t pages;
    uint32_t max_pages; /* growing beyond this gives -1: the type's maximum or the user's limit */
    bool limited;       /* it is the user's: growing beyond it traps */
    struct limits type;
};

struct table {
    reference *elements;
    uint32_t size;
    uint32_t max;
    struct tabletype type;
};

struct global_instance {
    union value value;
    struct globaltype type;
};

struct extern_value {
    enum externkind kind;
    union {
        struct function *function;
        struct table *table;
        struct memory *memory;
        struct global_instance *global;
    } of;
};

#define MAX_PAGES 65536u

/* Creates a memory of `type.min` zero pages that may grow to min(type.max, limit_pages). */
bool memory_create(struct memory *memory, const struct limits *type, uint32_t limit_pages,
                   struct error *error);
void memory_destroy(struct memory *memory);
/* Grows by `delta` zero pages. Returns the old size in pages, or UINT32_MAX when it cannot. */
uint32_t memory_grow(struct memory *memory, uint32_t delta);
/* The instruction: growing beyond the type's maximum gives UINT32_MAX, beyond the user's a trap. */
enum trap memory_grow_limited(struct memory *memory, uint32_t delta, uint32_t *old);

bool table_create(struct table *table, const struct tabletype *type, struct error *error);
void table_destroy(struct table *table);
/* Returns the old size in elements, or UINT32_MAX when it cannot. */
uint32_t table_grow(struct table *table, uint32_t delta, reference value);

struct instance {
    const struct module *module;
    struct function *functions; /* the whole index space; module->nfuncs */
    struct table **tables;
    struct memory *memory; /* NULL: the module has none */
    struct global_instance **globals;
    bool *dropped_elems; /* by element segment; active and declarative ones are dropped too */
    bool *dropped_datas;

    /* What this instance owns of the above; imported ones belong to somebody else. */
    struct table *own_tables;
    struct memory own_memory;
    struct global_instance *own_globals;

    void **global_addresses; /* the same as `globals`, as register code wants them */
    uint8_t *signatures;     /* one byte for each type: its address stands for the type in
                                this instance (see exec/function.h) */
    uint32_t wide_frame;     /* bytes of the largest one (lower/code.h), 0 for none */
    uint64_t lowered_size;   /* bytes of register code made so far */
};

struct instance_options {
    uint32_t max_pages;    /* the user's limit on memory: growing beyond it traps; 0: none */
    bool bare;             /* leave segments out: a snapshot will be put in (state/) */
    struct memory *memory; /* taken over in place of a new one, if not NULL; made by memory_create
                              for this module */
};

/* Makes an instance of a validated module. `imports` has one entry for each import of the
 * module, in order; their types are checked (ERROR_LINK: "incompatible import type", naming the
 * import). Unless `bare`, initialises tables and memory from the active segments (ERROR_TRAP when
 * one is out of bounds: as the specification has it, what was written before remains written, so
 * then *instance is set all the same, for the caller to destroy when no imported table can hold its
 * functions any more; on every other error it is NULL). The start function is not run: that is an
 * execution_call. */
bool instance_create(struct instance **instance, const struct module *module,
                     const struct extern_value *imports, const struct instance_options *options,
                     struct error *error);
void instance_destroy(struct instance *instance);

/* A function that the embedder supplies, to be given as an import. `type` and `context` must
 * outlive it. */
struct function *host_function_create(const struct functype *type, host_function call,
                                      void *context);
void host_function_destroy(struct function *function);
/* Its calls never give CALL_STOP: a frame that waits in one is refused. */
void host_function_never_stops(struct function *function);

/* The export of that kind and name; false when there is none. */
bool instance_export(const struct instance *instance, enum externkind kind, const char *name,
                     struct extern_value *value);

/* References as numbers, for snapshots: null is UINT32_MAX, a funcref the function's index in this
 * instance, an externref the embedder's number. False (ERROR_UNSUPPORTED) for a function of another
 * instance. funcref_index and funcref_of are the same for a reference known to be a function. */
bool reference_bits(const struct instance *instance, valtype type, reference ref, uint64_t *bits,
                    struct error *error);
/* The other way: false when there is no function of that number, or none to which the module can
 * have a reference. */
bool reference_of_bits(const struct instance *instance, valtype type, uint64_t bits,
                       reference *ref);
bool funcref_index(const struct instance *instance, reference ref, uint32_t *funcidx);
reference funcref_of(const struct instance *instance, uint32_t funcidx);
const struct functype *function_type(const struct function *function);

#endif
