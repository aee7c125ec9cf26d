/* constant.h - the value of a validated constant expression (specification, Validation, Constant
 * Expressions; with the extended-const proposal's sums and products). */
#ifndef WASM_CONSTANT_H
#define WASM_CONSTANT_H

#include "wasm/walk.h"

/* What a global.get or ref.func of `index`, or a ref.null, gives: the low 32 bits of an i32 or f32. */
typedef uint64_t (*constant_resolver)(const void *context, enum opcode opcode, uint32_t index);

/* The bits of the value of the expression that the reader is at, the low 32 of an i32 or f32; it
 * moves behind its `end`. */
uint64_t constant_bits(struct reader *reader, constant_resolver resolve, const void *context);

#endif
