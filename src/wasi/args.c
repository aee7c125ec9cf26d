/* args.c - arguments and environment. */
#include "wasi/wasi_call.h"

static uint64_t texts_size(const struct texts *texts)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < texts->count; i++)
        size += (uint64_t)texts->items[i].size + 1;
    return size;
}

static outcome put_sizes(const struct call *call, const struct texts *texts)
{
    if (!guest_has(call, arg32(call, 0), 4) || !guest_has(call, arg32(call, 1), 4))
        return ERRNO_FAULT;
    if (texts_size(texts) > UINT32_MAX)
        return ERRNO_OVERFLOW;
    guest_put32(call, arg32(call, 0), texts->count);
    guest_put32(call, arg32(call, 1), (uint32_t)texts_size(texts));
    return ERRNO_SUCCESS;
}

static outcome put_texts(const struct call *call, const struct texts *texts)
{
    uint32_t address = arg32(call, 1);
    uint8_t *pointers = guest_at(call, arg32(call, 0), (uint64_t)texts->count * 4);
    uint8_t *bytes = guest_at(call, address, texts_size(texts));
    if (!pointers || !bytes)
        return ERRNO_FAULT;
    for (uint32_t i = 0; i < texts->count; i++) {
        const struct text *text = &texts->items[i];
        put_le32(pointers + (size_t)i * 4, address);
        memcpy(bytes, text->data, (size_t)text->size + 1);
        bytes += (size_t)text->size + 1;
        address += text->size + 1;
    }
    return ERRNO_SUCCESS;
}

outcome wasi_args_sizes_get(const struct call *call)
{
    return put_sizes(call, &call->wasi->arguments);
}

outcome wasi_args_get(const struct call *call)
{
    return put_texts(call, &call->wasi->arguments);
}

outcome wasi_environ_sizes_get(const struct call *call)
{
    return put_sizes(call, &call->wasi->environment);
}

outcome wasi_environ_get(const struct call *call)
{
    return put_texts(call, &call->wasi->environment);
}
