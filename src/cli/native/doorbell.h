/* doorbell.h - the socket by which `yado migrate` reaches the `yado run` of a guest. */
#ifndef CLI_NATIVE_DOORBELL_H
#define CLI_NATIVE_DOORBELL_H

#include "cli/native/registry.h"

/* A descriptor that listens, or -1: then this guest cannot be moved. */
int doorbell_listen(const struct registered *entry);
/* One that is connected to it, or -1 with ERROR_IO. */
int doorbell_connect(const struct registered *entry, struct error *error);

#endif
