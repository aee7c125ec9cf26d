/* constant.h - the value of a validated constant expression (specification, Validation, Constant
 * Expressions; with the extended-const proposal's sums and products). */
#ifndef WASM_CONSTANT_H
#define WASM_CONSTANT_H

#include <stdint.h>

/* What a global.get or ref.func of `index` gives: the low 32 bits of an i32 or f32. For ref.null
 * `index` is the type. */
typedef uint64_t (*constant_resolver)(const void *context, uint32_t opcode, uint32_t index);

/* The bits of the expression's value, the low 32 of an i32 or f32; `at` moves behind its `end`. */
uint64_t constant_bits(const uint8_t **at, constant_resolver resolve, const void *context);

#endif
