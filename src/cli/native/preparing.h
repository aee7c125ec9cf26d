/* preparing.h - signals before the guest runs. A chain of bases is read, a module is sealed and
 * compiled meanwhile, which may take long; who ends the command then ends it at once. */
#ifndef CLI_NATIVE_PREPARING_H
#define CLI_NATIVE_PREPARING_H

#include "cli/native/registry.h"

/* From here to preparing_end a signal removes what the guest's directory has by now, and ends the
 * process. */
void preparing_begin(const struct registered *entry);
void preparing_end(void);

/* For the handler of SIGINT, SIGTERM and SIGHUP. */
void preparing_signal(int number);

#endif
