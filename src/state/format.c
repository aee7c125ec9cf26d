/* format.c - what the writer and the reader of a snapshot share. */
#include "state/format.h"

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
