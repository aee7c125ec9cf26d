/* notes.h - the sites of a function, noted while it is lowered: a guest stands still while it is
 * checkpointed, and lowering a large function again takes most of that time in a host that
 * interprets. Notes are in memory only; they belong to the register code behind which they stand.
 *
 *     sites u32 │ site │ site │ ...
 *
 *     site       head │ offset │ code │ shared │ operand │ operand │ ...
 *                head = 4 * operands + kind; offset and code: how much more than the site's before;
 *                shared: so many operands, from the bottom up, are those of the site before
 *     operand    type u8 │ place u8 │ its slot or local, or of a constant its bits u64
 *
 * Numbers without a size are LEB128. Callees and their types, which a checkpoint does not ask for,
 * are not noted. */
#ifndef LOWER_NOTES_H
#define LOWER_NOTES_H

#include "base/buffer.h"
#include "lower/site.h"

struct site_notes {
    struct buffer bytes;
    uint32_t offset, code; /* of the site before */
};

/* Begins notes; a site_visitor with them as its context adds to them. buffer_free(&notes->bytes)
 * frees them. */
void site_notes_begin(struct site_notes *notes);
bool site_notes_add(void *context, const struct site *site);

/* Visits the sites that are noted at `at`. False when memory runs out. */
bool site_notes_read(const uint8_t *at, site_visitor visit, void *context);

#endif
