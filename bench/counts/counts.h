/* counts/ - yado-counts: the command with a loop that counts what it executes. At the end it writes
 * to the file that $YADO_COUNTS names a line for each instruction that was executed, in the order
 * of the register code:
 *
 *     NAME LINK COUNT FOLLOWED
 *
 * LINK says where the next instruction takes this one's result: X nowhere, 4 from its field at byte
 * 4, K4 the same, and it is also a local's value. FOLLOWED is how often the next instruction came
 * next. A blank line stands between instructions that do not follow each other. fuse.py reads it.
 *
 *     YADO_COUNTS=sqlite.counts build/yado-counts run APP.wasm ARGUMENTS */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdint.h>

void count_instruction(const uint8_t *pc);

#endif
