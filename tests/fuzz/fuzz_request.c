/* fuzz_request.c - any bytes at all are read as a request; what one says is said and read again as
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "guest/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request first = {0}, second = {0};
    buffer_put(&first.text, data, size);
    if (request_read(&first) && request_put(&first, &second.text, NULL)) {
        require(request_read(&second));
        require(same(first.id, second.id) && same(first.snapshot, second.snapshot) &&
                same(first.base, second.base) && same(first.base_note, second.base_note) &&
                same(first.hold, second.hold) && first.files == second.files &&
                first.move == second.move && first.embed.count == second.embed.count);
        for (uint32_t i = 0; i < first.embed.count; i++)
            require(same(first.embed.items[i], second.embed.items[i]));
    }
    request_free(&first);
    request_free(&second);
    return 0;
}
