#include "base/clean.h"

#include <string.h>

#include "base/utf8.h"

/* Beside the control characters: Unicode's Default_Ignorable_Code_Point, the separators of lines
 * and paragraphs, and the marks of interlinear annotations. */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x00000, 0x0001F}, {0x0007F, 0x0009F}, {0x000AD, 0x000AD}, {0x0034F, 0x0034F},
    {0x0061C, 0x0061C}, {0x0115F, 0x01160}, {0x017B4, 0x017B5}, {0x0180B, 0x0180F},
    {0x0200B, 0x0200F}, {0x02028, 0x0202E}, {0x02060, 0x0206F}, {0x03164, 0x03164},
    {0x0FE00, 0x0FE0F}, {0x0FEFF, 0x0FEFF}, {0x0FFA0, 0x0FFA0}, {0x0FFF0, 0x0FFFB},
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

static uint32_t length_of(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static bool is_hidden(const uint8_t *at, uint32_t length)
{
    uint32_t code = length == 1 ? at[0] : at[0] & (0x7Fu >> length);
    for (uint32_t i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3F);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (code >= hidden[i].first && code <= hidden[i].last)
            return true;
    return false;
}

size_t clean(char *text, size_t size)
{
    size_t kept = 0;
    for (size_t i = 0; i < size;) {
        const uint8_t *at = (const uint8_t *)text + i;
        uint32_t length = length_of(*at);
        bool valid = length <= size - i && utf8_valid(at, length);
        if (valid && !is_hidden(at, length)) {
            memmove(text + kept, at, length);
            kept += length;
        } else {
            text[kept++] = '?';
        }
        i += valid ? length : 1;
    }
    return kept;
}

char *clean_string(char *text)
{
    text[clean(text, strlen(text))] = 0;
    return text;
}
