/* analysis.h - what of the analysis only the bodies need; see seal.h. Internal to seal/. */
#ifndef SEAL_ANALYSIS_H
#define SEAL_ANALYSIS_H

#include "seal/seal.h"
#include "wasm/opcodes.h"

/* Whether the function polls when it is entered: one on each cycle of calls that does not pass a
 * loop which polls. */
bool analysis_polls_at_entry(const struct analysis *analysis, uint32_t funcidx);
/* The same for a call_indirect of that type, whatever it may call. */
bool analysis_indirect_can_unwind(const struct analysis *analysis, uint32_t typeidx);
/* Whether a call_indirect of that type may call an imported function that can stop. */
bool analysis_indirect_can_stop(const struct analysis *analysis, uint32_t typeidx);
/* Whether one call of it can take as long as many units of fuel. */
bool analysis_takes_long(const struct analysis *analysis, uint32_t funcidx);
bool analysis_indirect_takes_long(const struct analysis *analysis, uint32_t typeidx);
/* An instruction that can. */
bool moves_much(enum opcode opcode);

#endif
