/* counts/ - yado-counts: the command with a loop that counts what it executes. At the end it prints
 * to standard error which instructions, pairs and triples of instructions that follow each other
 * ran most: what is worth an instruction of its own. "A -> 4: B" is an A whose result B takes from its
 * field at byte 4; "=>" where it is also a local's value.
 *
 *     build/yado-counts run APP.wasm ARGUMENTS */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdint.h>

void count_instruction(const uint8_t *pc);

#endif
