/* counts/ - yado-counts: the command with a loop that counts what it executes. At the end it writes
 * to the file that $YADO_COUNTS names a line for each instruction that was executed, in the order
 * of the register code:
 *
 *     NAME RESULT INPUTS COUNT FOLLOWED
 *
 * RESULT is L where it goes to a local, O where it is an operand, - where there is none. INPUTS
 * says which field's register was written by which instruction before: 4:1,6:3 for the field at
 * byte 4 by the one directly before and the field at byte 6 by the third before. FOLLOWED is how
 * often the next instruction came next. A blank line stands between instructions that do not follow
 * each other. fuse.py reads it.
 *
 *     YADO_COUNTS=sqlite.counts build/yado-counts run APP.wasm ARGUMENTS */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdint.h>

void count_instruction(const uint8_t *pc);

#endif
