/* bringing.h - what a host reads: the way of the first four arrows in courier.h. */
#ifndef CLI_NATIVE_BRINGING_H
#define CLI_NATIVE_BRINGING_H

#include "cli/native/courier.h"

/* Opens it, puts it into the guest's directory, and says in courier->options where it is. */
bool courier_bring(struct courier *courier, enum command command, struct error *error);

#endif
