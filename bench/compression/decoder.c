/* decoder.c - what reading needs of zstd, for its size in a module. */
#ifndef EMPTY
#    include <zstd.h>

__attribute__((export_name("unpack"))) size_t unpack(void *to, size_t room, const void *from,
                                                     size_t size)
{
    return ZSTD_decompress(to, room, from, size);
}
#endif

int main(void)
{
    return 0;
}
