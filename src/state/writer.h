/* writer.h - sections, written in one pass; internal to state/. */
#ifndef STATE_WRITER_H
#define STATE_WRITER_H

#include "state/format.h"
#include "state/hash.h"
#include "state/snapshot.h"

struct writer {
    const struct sink *sink;
    struct checksum *checksum; /* of the section that is being written */
    struct error *error;
};

/* False when memory runs out. writer_end frees what it needs. */
bool writer_begin(struct writer *writer, const struct sink *sink, struct error *error);
void writer_end(struct writer *writer);

bool write_header(struct writer *writer, uint32_t version, const uint8_t hash[MODULE_HASH_SIZE],
                  uint64_t module_size);
bool begin_section(struct writer *writer, enum section_id id, uint64_t size);
bool write_bytes(struct writer *writer, const void *data, size_t size);
bool end_section(struct writer *writer);
bool write_section(struct writer *writer, enum section_id id, const void *data, size_t size);
/* Writes a section that was put together in memory, and frees the buffer. */
bool write_buffer(struct writer *writer, enum section_id id, struct buffer *buffer);

/* A value as the format has it; cursor_value reads it. */
void put_value(struct buffer *buffer, const struct typed_value *value);

/* The blocks of a memory. */
struct blocks {
    uint32_t count;
    /* Block `index`, or NULL where it is left out. */
    const uint8_t *(*at)(const void *context, uint32_t index);
    const void *context;
};

/* The memory section, in parts. `pages` is 0 without a memory. */
bool write_memory(struct writer *writer, bool has, uint32_t pages, const struct blocks *blocks,
                  bool compress);

#endif
