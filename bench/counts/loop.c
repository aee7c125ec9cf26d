/* loop.c - the interpreter's loop, with a call before each instruction. */
#include "counts.h"

#define BEFORE_INSTRUCTION(pc) count_instruction(pc);
#include "../../src/exec/loop.c"
