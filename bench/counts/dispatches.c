/* dispatches.c - the interpreter's loop, which says at the end how many times it has gone to a next
 * instruction: fused ones count once. */
#include <inttypes.h>
#include <stdio.h>

static uint64_t dispatches;
#define BEFORE_INSTRUCTION(pc) dispatches++;
#include "../../src/exec/loop.c"

__attribute__((destructor)) static void report(void)
{
    fprintf(stderr, "%" PRIu64 " dispatches\n", dispatches);
}
