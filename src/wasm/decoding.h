/* decoding.h - what module.c and the files that decode its parts share; internal to wasm/.
 *
 *      module.c     the header, the order of sections, load and free
 *      types.c      value, function, table, memory and global types
 *      sections.c   the sections but for segments
 *      segments.c   element and data segments
 *      validate.c   function bodies and constant expressions
 *      walk.c       one instruction of these */
#ifndef WASM_DECODING_H
#define WASM_DECODING_H

#include "wasm/module.h"
#include "wasm/reader.h"

struct validator;

/* What decoding knows besides the module, while it lasts. */
struct decoding {
    struct module *module;
    struct reader reader;
    struct validator *validator;
    uint8_t *declared; /* by function index: may be named by ref.func */
    bool outline;      /* bodies are passed over */
    bool has_data_count;
    uint32_t data_count;
};

/* Errors of kind ERROR_INVALID ("unknown local 7") and ERROR_UNSUPPORTED ("SIMD is not
 * supported") at byte `at`; both return false. */
bool fail_unknown(struct reader *reader, const uint8_t *at, const char *what, uint32_t index);
bool fail_unsupported(struct reader *reader, const uint8_t *at, const char *feature);

bool read_valtype(struct reader *reader, valtype *type);
bool read_reftype(struct reader *reader, valtype *type);
bool read_globaltype(struct reader *reader, struct globaltype *type);
bool read_tabletype(struct reader *reader, struct tabletype *type);
bool read_memory_limits(struct reader *reader, struct limits *limits);

/* A name: its length, then well-formed UTF-8. */
bool read_name(struct reader *reader, struct span *name);

/* The count of a vector whose elements take at least `smallest` bytes each: a count that the
 * remaining bytes cannot hold is refused before memory is asked for. */
bool read_count(struct reader *reader, size_t smallest, uint32_t *count);

/* Makes room for `count` more elements of `size` bytes, all zero, behind the `have` that the array
 * has. `array` is the address of the pointer to it. */
bool grow(struct reader *reader, void *array, uint32_t have, uint32_t count, size_t size);

/* The contents of the sections, by name. */
bool read_types(struct decoding *d);
bool read_imports(struct decoding *d);
bool read_functions(struct decoding *d);
bool read_tables(struct decoding *d);
bool read_memories(struct decoding *d);
bool read_globals(struct decoding *d);
bool read_exports(struct decoding *d);
bool read_start(struct decoding *d);
bool read_elems(struct decoding *d);
bool read_data_count(struct decoding *d);
bool read_code(struct decoding *d);
bool read_datas(struct decoding *d);
bool read_custom(struct decoding *d);

#endif
