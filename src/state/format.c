/* format.c - what the writer and the reader of a snapshot share. */
#include "state/format.h"

#include <string.h>

#include "state/hash.h"

const char *section_name(uint32_t id)
{
    static const char *const names[] = {
        [SECTION_RUN] = "run",         [SECTION_FRAMES] = "frames", [SECTION_MEMORY] = "memory",
        [SECTION_GLOBALS] = "globals", [SECTION_TABLES] = "tables", [SECTION_SEGMENTS] = "segments",
        [SECTION_WASI] = "WASI",       [SECTION_MODULE] = "module", [SECTION_NOTES] = "notes",
        [SECTION_FILES] = "files",     [SECTION_BASE] = "base",     [SECTION_CALL] = "call",
    };
    if (id == SECTION_END)
        return "end";
    return id < sizeof names / sizeof *names && names[id] ? names[id] : "unknown";
}

uint32_t section_check(const uint8_t header[SECTION_HEADER_SIZE])
{
    return (uint32_t)checksum_of(header, 12);
}

bool block_is_zero(const uint8_t block[BLOCK_SIZE])
{
    uint64_t all = 0, words[8];
    for (uint32_t i = 0; i < BLOCK_SIZE && all == 0; i += sizeof words) {
        memcpy(words, block + i, sizeof words);
        for (unsigned j = 0; j < 8; j++)
            all |= words[j];
    }
    return all == 0;
}
