/* runtime.c - the runtime's bodies. Only the numbers of functions and types change. */
#include "seal/linking.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"

/* A call, behind its opcode. Globals keep their numbers: the runtime's come first. */
static void renumber(const struct linker *linker, uint32_t opcode, const uint8_t **at,
                     struct buffer *to)
{
    uint32_t index = leb_u32(at);
    if (opcode == WASM_CALL) {
        encode_op_u32(to, WASM_CALL, linker->runtime_functions[index]);
    } else {
        encode_op_u32(to, WASM_CALL_INDIRECT, linker->runtime_types[index]);
        encode_u32(to, leb_u32(at));
    }
}

static const uint8_t *behind_locals(const uint8_t *at)
{
    for (uint32_t runs = leb_u32(&at); runs--; at++)
        leb_u32(&at);
    return at;
}

static void copy_body(struct linker *linker, const struct func *func, struct buffer *body)
{
    const uint8_t *copied = linker->runtime->bytes + func->locals, *at = behind_locals(copied);
    const uint8_t *end = linker->runtime->bytes + func->code_end;
    while (at < end) {
        const uint8_t *start = at;
        uint32_t opcode = opcode_read(&at);
        if (opcode == WASM_CALL || opcode == WASM_CALL_INDIRECT) {
            buffer_put(body, copied, (size_t)(start - copied));
            renumber(linker, opcode, &at, body);
            copied = at;
        } else {
            immediates_skip(&at, opcode_info(opcode)->immediates);
        }
    }
    buffer_put(body, copied, (size_t)(end - copied));
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
