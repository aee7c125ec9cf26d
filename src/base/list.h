/* list.h - texts, one after the other. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdint.h>

struct list {
    const char **items; /* owned; the strings are somebody else's */
    uint32_t count;
};

#endif
