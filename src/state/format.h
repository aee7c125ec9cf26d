/* format.h - the layout of a snapshot file, versions 1 to 6; internal to state/. Everything is
 * little-endian and without padding. docs/snapshot-format.md has the long form.
 *
 *     byte 0          8          12     16                48              56          64
 *     ┌───────────────┬──────────┬──────┬─────────────────┬───────────────┬───────────┐
 *     │ magic         │ version  │  0   │ module's hash   │ module's size │ checksum  │   header
 *     └───────────────┴──────────┴──────┴─────────────────┴───────────────┴───────────┘
 *     ┌────┬────┬──────────────┬───────┬──────────────── ─ ─ ──┬───────────┐
 *     │ id │how │ payload size │ check │ payload               │ checksum  │              section
 *     └────┴────┴──────────────┴───────┴──────────────── ─ ─ ──┴───────────┘
 *     0    2    4              12      16                16 + size   24 + size
 *
 * Sections come in the order of their ids; END is the last and empty. A checksum is the XXH3-64 of
 * the header's or section's bytes before it; it follows them, so that a writer needs one pass. A
 * section's check is the low half of the XXH3-64 of the 12 bytes before it: where it is right and
 * the payload is not all there, the file was cut, not changed. One state has exactly one file:
 * whatever could be written in two ways is refused in all ways but one.
 *
 *     RUN       started u8, entry u32, fuel used u64
 *     FRAMES    count u32, frames outermost first:
 *               function u32, site kind u8, offset u32, locals u32, operands u32, values
 *               value: type u8, bits u32 or u64 by its type
 *     MEMORY    has one u8, pages u32, runs u32, runs: first block u32, blocks u32, their bytes
 *               a block is 4,096 bytes; blocks of zeros only are left out; runs are as long as
 *               can be within a section. Several such sections, one after the other:
 *               version 6      up to 15 blocks, each without its zeros (state/pack.h): "how" 2;
 *                              or one run of up to 256 blocks that have hardly any, as they are
 *               versions 2-5   up to 15 blocks; the payload is size u32, then so many bytes
 *                              compressed as one block of LZ4: "how" 1
 *               versions 1, 3-5   all in one section, as it is
 *     GLOBALS   count u32, values
 *     TABLES    count u32, tables: type u8, size u32, elements u32
 *     SEGMENTS  element segments u32, a byte each: 1 dropped; data segments u32, likewise
 *     WASI      see wasi/state.c; empty for a guest without WASI
 *     MODULE    the module's bytes (only if embedded)
 *     NOTES     lines "key=value\n" in UTF-8, by ascending key: what may differ between hosts (left
 *               out if so asked)
 *     FILES     see wasi/carry.h; only if there is something in it; version 3
 *     BASE      see state/delta.h; the memory has only blocks that changed; version 4
 *     CALL      see state/call.h; while something is to be called with it; version 5
 *     END       */
#ifndef STATE_FORMAT_H
#define STATE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define SNAPSHOT_MAGIC "\x89YADO\r\n\x1a"
#define ENVELOPE_MAGIC "\x89YADE\r\n\x1a" /* of a file that a snapshot is in, see envelope/ */
/* The newest that is read. What is not compressed is written in it; compressed, in the oldest that
 * can hold it. */
#define SNAPSHOT_VERSION    6u
#define HEADER_SIZE         64u
#define SECTION_HEADER_SIZE 16u
#define CHECKSUM_SIZE       8u
#define BLOCK_SIZE          4096u
#define BLOCKS_PER_PAGE     16u

/* How a section is stored. */
enum { STORED_PLAIN = 0, STORED_LZ4 = 1, STORED_PACKED = 2 };

/* A part of the memory, unpacked. Below 64 KB, LZ4 comes to the same bytes on 32 and 64 bits. */
#define PART_BLOCKS 15u
#define PART_SIZE   (9u + PART_BLOCKS * (8u + BLOCK_SIZE))

enum section_id {
    SECTION_RUN = 1,
    SECTION_FRAMES = 2,
    SECTION_MEMORY = 3,
    SECTION_GLOBALS = 4,
    SECTION_TABLES = 5,
    SECTION_SEGMENTS = 6,
    SECTION_WASI = 7,
    SECTION_MODULE = 8,
    SECTION_NOTES = 9,
    SECTION_FILES = 10,
    SECTION_BASE = 11,
    SECTION_CALL = 12,
    SECTION_END = 255
};

/* "frames", ...; "unknown" for any other number. */
const char *section_name(uint32_t id);

/* The check of a section's header, of which it needs the first 12 bytes. */
uint32_t section_check(const uint8_t header[SECTION_HEADER_SIZE]);

#endif
