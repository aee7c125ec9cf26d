/* hot.c - a function as it usually runs. */
#include "seal/body.h"

/* Declared locals of a reference type begin as null, which is no zero here. */
static void put_nulls(struct body *b)
{
    for (uint32_t i = b->type->nparams; i < b->func->nlocals; i++)
        if (valtype_is_reference(b->local_types[i])) {
            put_i32(b, UINT32_MAX);
            put_op(b, WASM_LOCAL_SET, i);
        }
}

static void put_entry_poll(struct body *b)
{
    if (!analysis_polls_at_entry(b->analysis, b->funcidx))
        return;
    put_fuel(b);
    open_block(b, WASM_IF, 0);
    put_runtime(b, RUNTIME_poll);
    put_leave(b, 0);
    close_block(b);
}

static void write_copy(struct body *b)
{
    b->depth = 0;
    open_unwind(b);
    put_nulls(b);
    if (b->strips) {
        put_i32(b, STRIP);
        put_op(b, WASM_LOCAL_SET, b->rounds);
    }
    put_entry_poll(b);
    body_walk(b);
    close_unwind(b);
}

bool seal_hot(struct plan *plan, const struct analysis *analysis, uint32_t funcidx,
              struct buffer *body, struct error *error)
{
    struct buffer code = {0};
    struct body b = {.code = &code};
    bool good = body_start(&b, plan, analysis, funcidx, error);
    if (good) {
        b.dry = true;
        write_copy(&b);
        end_first_walk(&b);
        write_copy(&b);
        good = body_finish(&b, body);
    }
    body_free(&b);
    buffer_free(&code);
    return good;
}
