#include "base/text.h"

#include <stdio.h>

void text_add(struct buffer *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *at = length < 0 ? NULL : (char *)buffer_extend(text, (size_t)length + 1);
    if (!at) {
        text->failed = true;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(at, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->size--;
}
