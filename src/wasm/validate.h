/* validate.h - checks function bodies and constant expressions; internal to wasm/. */
#ifndef WASM_VALIDATE_H
#define WASM_VALIDATE_H

#include "wasm/decoding.h"

/* The validator of a decoding: its stacks, which serve one body after the other. validator_stop
 * may be called whether or not validator_start succeeded. */
bool validator_start(struct decoding *d);
void validator_stop(struct decoding *d);

/* Validates the body at reader.at .. `end` of function `funcidx`, whose type is known, and fills in
 * the rest of its struct func. (Specification, Validation, Appendix: Validation Algorithm.) */
bool validate_body(struct decoding *d, uint32_t funcidx, const uint8_t *end);

/* Validates the constant expression at reader.at, which must leave one value of `type`, and moves
 * behind its `end`. */
bool validate_constant(struct decoding *d, valtype type);

#endif
