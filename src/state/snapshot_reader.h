/* snapshot_reader.h - the headers that stand in a snapshot's file (format.h draws them), for whoever reads
 * one: all of it at once (snapshot_open), or as it comes (delta.c). */
#ifndef STATE_SNAPSHOT_READER_H
#define STATE_SNAPSHOT_READER_H

#include "state/format.h"
#include "state/snapshot.h"

struct header {
    uint32_t version; /* one that is newer than SNAPSHOT_VERSION is the caller's to refuse */
    uint8_t module_hash[MODULE_HASH_SIZE];
    uint64_t module_size;
};

/* The file's header, of which `size` bytes are there. NULL, or why it is none and *at, the offset of
 * what says so. */
const char *header_read(const uint8_t *bytes, size_t size, struct header *header, uint64_t *at);

struct section_header {
    uint32_t id, how;
    uint64_t size; /* of the payload */
};

/* False: its check is wrong, and so may be what it says. */
bool section_header_read(const uint8_t bytes[SECTION_HEADER_SIZE], struct section_header *header);

#endif
