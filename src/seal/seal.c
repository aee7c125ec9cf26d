/* seal.c - what can be sealed; and what a sealed module says of itself: a custom section
 *
 *     "yadokari.sealed"   u32 version │ u32 flags │ u32 place of the guest's module in the file │
 * u32 its size
 *
 * flags: a bit for each bool of struct seal_options, in order. */
#include <stdlib.h>

#include "seal/encode.h"
#include "seal/linker.h"
#include "seal/seal.h"

static const char section_name[] = "yadokari.sealed";
enum { VERSION = 1, FLAGS = 8, MARK_SIZE = 16 };

/* ---- What cannot be sealed. */

static bool can_be_sealed(const struct module *guest, struct error *error)
{
    for (uint32_t i = 0; i < guest->nimports; i++)
        if (guest->imports[i].kind != EXTERN_FUNC) /* survey/ tells more, where it was asked */
            return error_set(error, ERROR_UNSUPPORTED,
                             "the module cannot be sealed: it imports what is no function");
    return guest->nfuncs <= 200000 ||
           error_set(error, ERROR_UNSUPPORTED,
                     "the module cannot be sealed: it has more than 200,000 functions (the "
                     "interpreter runs it)");
}

/* ---- The mark. */

uint32_t seal_flags(const struct seal_options *options)
{
    const bool flags[FLAGS] = {options->exact_fuel,  options->no_polls,    options->names,
                               options->bulk_memory, options->tail_calls,  options->sign_extension,
                               options->saturating,  options->multi_memory};
    uint32_t value = 0;
    for (unsigned i = 0; i < FLAGS; i++)
        value |= (uint32_t)flags[i] << i;
    return value;
}

static void take_flags(uint32_t value, struct seal_options *options)
{
    bool *const flags[FLAGS] = {&options->exact_fuel, &options->no_polls,
                                &options->names,      &options->bulk_memory,
                                &options->tail_calls, &options->sign_extension,
                                &options->saturating, &options->multi_memory};
    for (unsigned i = 0; i < FLAGS; i++)
        *flags[i] = value >> i & 1;
}

static void put_mark(struct buffer *output, const struct module *guest,
                     const struct seal_options *options, uint32_t module_offset)
{
    struct buffer section = {0};
    uint8_t mark[MARK_SIZE];
    put_le32(mark, VERSION);
    put_le32(mark + 4, seal_flags(options));
    put_le32(mark + 8, module_offset);
    put_le32(mark + 12, guest->size);
    encode_name(&section, section_name);
    buffer_put(&section, mark, sizeof mark);
    encode_section(output, 0, &section);
    buffer_free(&section);
}

bool sealed_guest(const uint8_t *bytes, size_t size, struct span *guest,
                  struct seal_options *options)
{
    size_t whole = 2 + sizeof section_name + MARK_SIZE; /* id, size, name's length, name */
    if (size < whole)
        return false;
    const uint8_t *mark = bytes + size - MARK_SIZE;
    const uint8_t *name = mark - (sizeof section_name - 1);
    if (memcmp(bytes, "\0asm", 4) != 0 ||
        memcmp(name, section_name, sizeof section_name - 1) != 0 || get_le32(mark) != VERSION)
        return false;
    uint32_t offset = get_le32(mark + 8), length = get_le32(mark + 12);
    if (offset > size || length > size - offset)
        return false;
    *guest = (struct span){bytes + offset, length};
    take_flags(get_le32(mark + 4), options);
    return true;
}

bool seal(const struct module *guest, const struct seal_runtime *runtime,
          const struct seal_options *options, struct span snapshot, struct buffer *output,
          struct error *error)
{
    struct module template;
    uint32_t module_offset;
    if (!can_be_sealed(guest, error))
        return false;
    if (!(runtime->trusted ? module_load_outline : module_load)(&template, runtime->bytes.data,
                                                                runtime->bytes.size, error))
        return error_prefix(error, "the runtime of sealed modules");
    bool good = link_module(guest, &template, options, snapshot, output, &module_offset, error);
    module_free(&template);
    if (!good)
        return false;
    put_mark(output, guest, options, module_offset);
    return !output->failed || error_set(error, ERROR_MEMORY, "no memory for the sealed module");
}
