#include "base/sort.h"

#include <stdint.h>

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

/* A heap: no item is less than the two at twice its index and one or two more. `root` may be. */
static void sift(uint8_t *items, size_t root, size_t count, size_t size,
                 int (*compare)(const void *a, const void *b))
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(items + child * size, items + (child + 1) * size) < 0)
            child++;
        if (compare(items + root * size, items + child * size) >= 0)
            return;
        swap(items + root * size, items + child * size, size);
    }
}

void sort(void *items, size_t count, size_t size, int (*compare)(const void *a, const void *b))
{
    for (size_t i = count / 2; i-- > 0;)
        sift(items, i, count, size, compare);
    while (count-- > 1) {
        swap(items, (uint8_t *)items + count * size, size);
        sift(items, 0, count, size, compare);
    }
}
