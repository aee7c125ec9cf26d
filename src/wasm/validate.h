/* validate.h - checks function bodies and constant expressions; internal to wasm/. */
#ifndef WASM_VALIDATE_H
#define WASM_VALIDATE_H

#include "wasm/module.h"
#include "wasm/reader.h"

/* What decoding knows besides the module, while it lasts. */
struct decoding {
    struct module *module;
    struct reader reader;
    uint8_t *declared; /* by function index: may be named by ref.func */
    bool has_data_count;
    uint32_t data_count;
};

/* Validates the body at reader.at .. `end` of function `funcidx`, whose type is known, and fills in
 * the rest of its struct func. (Specification, Validation, Appendix: Validation Algorithm.) */
bool validate_body(struct decoding *decoding, uint32_t funcidx, const uint8_t *end);

/* Validates the constant expression at reader.at, which must leave one value of `type`, and moves
 * behind its `end`. `nglobals` is how many globals it may see. */
bool validate_constant(struct decoding *decoding, valtype type, struct constexpr *expression);

/* ERROR_UNSUPPORTED with the feature's name when `opcode` belongs to one that is not supported,
 * else ERROR_MALFORMED "illegal opcode". */
bool refuse_opcode(struct reader *reader, const uint8_t *at, uint32_t opcode);

bool read_valtype(struct reader *reader, valtype *type);
bool read_reftype(struct reader *reader, valtype *type);

static inline bool fail(struct reader *reader, const uint8_t *at, enum error_kind kind,
                        const char *message) {
    return error_set_at(reader->error, kind, (uint64_t)(at - reader->start), "%s", message);
}

#endif
