/* runtime.c - the runtime's bodies. Only the numbers of functions and types change. */
#include "seal/linking.h"
#include "wasm/walk.h"

/* A call. Globals keep their numbers: the runtime's come first. */
static void renumber(const struct linker *linker, const struct instruction *i, struct buffer *to)
{
    if (i->opcode == WASM_CALL) {
        encode_op_u32(to, WASM_CALL, linker->runtime_functions[i->index]);
    } else {
        encode_op_u32(to, WASM_CALL_INDIRECT, linker->runtime_types[i->index]);
        encode_u32(to, i->second);
    }
}

/* The runtime is an outline: where a body's code begins is not in `func`. */
static struct reader read_behind_locals(const struct module *module, const struct func *func)
{
    struct reader reader = {module->bytes, module->bytes + func->locals,
                            module->bytes + func->code_end, NULL};
    for (uint32_t runs = leb_u32(&reader.at); runs > 0; runs--) {
        leb_u32(&reader.at);
        reader.at++;
    }
    return reader;
}

static void copy_body(struct linker *linker, const struct func *func, struct buffer *body)
{
    struct reader reader = read_behind_locals(linker->runtime, func);
    const uint8_t *copied = linker->runtime->bytes + func->locals;
    struct instruction i;
    while (reader.at != reader.end && walk_next(&reader, &i))
        if (i.opcode == WASM_CALL || i.opcode == WASM_CALL_INDIRECT) {
            buffer_put(body, copied, (size_t)(i.start - copied));
            renumber(linker, &i, body);
            copied = reader.at;
        }
    buffer_put(body, copied, (size_t)(reader.end - copied));
}

bool link_runtime(struct linker *linker)
{
    const struct module *runtime = linker->runtime;
    struct buffer body = {0};
    for (uint32_t i = runtime->nimported_funcs; i < runtime->nfuncs; i++) {
        body.size = 0;
        copy_body(linker, &runtime->funcs[i], &body);
        add_function(linker, linker->runtime_types[runtime->funcs[i].type], &body);
    }
    buffer_free(&body);
    return true;
}
