/* compression.c - compresses the parts of a memory, as a snapshot has them, in one way, and tells
 * size and times: `compression WAY PART-KB FILE`, WAY: lz4, or a level of zstd. Natively and for a
 * host. */
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

static int level;

static size_t pack(ZSTD_CCtx *context, const char *from, size_t size, char *to, size_t room)
{
    if (level == 0)
        return (size_t)LZ4_compress_default(from, to, (int)size, (int)room);
    return ZSTD_compressCCtx(context, to, room, from, size, level);
}

static size_t unpack(ZSTD_DCtx *context, const char *from, size_t size, char *to, size_t room)
{
    if (level == 0)
        return (size_t)LZ4_decompress_safe(from, to, (int)size, (int)room);
    return ZSTD_decompressDCtx(context, to, room, from, size);
}

static double now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 4 ? fopen(argv[3], "rb") : NULL;
    if (!file)
        return 2;
    level = strcmp(argv[1], "lz4") == 0 ? 0 : atoi(argv[1]);
    size_t part = (size_t)atoi(argv[2]) * 1024, room = part + part / 128 + 4096, stored = 0,
           whole = 0, got;
    char *bytes = malloc(part), *packed = malloc(room), *again = malloc(part);
    ZSTD_CCtx *packer = ZSTD_createCCtx();
    ZSTD_DCtx *unpacker = ZSTD_createDCtx();
    double packing = 0, unpacking = 0;
    while ((got = fread(bytes, 1, part, file)) > 0) {
        double start = now();
        size_t size = pack(packer, bytes, got, packed, room);
        packing += now() - start;
        start = now();
        if (unpack(unpacker, packed, size, again, part) != got || memcmp(bytes, again, got) != 0)
            return 1;
        unpacking += now() - start;
        stored += size;
        whole += got;
    }
    printf("%zu %zu %.1f %.1f\n", whole, stored, packing, unpacking);
    return 0;
}
