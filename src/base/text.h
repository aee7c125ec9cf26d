/* text.h - text that grows as long as it takes. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends to the text; a zero byte follows it, which is not counted and the next call writes over.
 * `failed` is set when memory runs out. */
void text_add(struct buffer *text, const char *format, ...) ERROR_PRINTF(2, 3);

#endif
