/* criu.h - engines ask `criu` whether it can do what they are about to ask of the runtime, and refuse
 * checkpoints when there is none in their PATH. This program, called as `criu`, answers that and
 * nothing else: `criu swrk FD` takes one message on a socket of packets and gives one back, in CRIU's
 * protobuf (rpc.proto):
 *
 *     question   08 TYPE ...
 *     answer     08 TYPE │ 10 1 (success) │ 52 04 08 MAJOR 10 MINOR    of VERSION, type 10
 *                                         │ 42 02 08 1 (mem_track)     of FEATURE_CHECK, type 9
 *                08 TYPE │ 10 0                                        of all others
 *
 * `make containers` puts the link into a folder of its own, for an engine's PATH only. */
#ifndef OCI_CRIU_H
#define OCI_CRIU_H

#include <stdbool.h>

bool criu_is_wanted(const char *name);
/* Returns the exit code. */
int criu_answer(int argc, const char **argv);

#endif
