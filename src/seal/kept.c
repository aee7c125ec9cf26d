/* kept.c - what a loop uses, while the loop's poll is being called.
 *
 * No host keeps floats in registers over a call, and few integers: a value that lives there and is
 * used in the loop has a place on the host's stack, and hosts' compilers then have it there inside
 * the loop too. So the values pass the call in memory:
 *
 *     call poll        becomes        store values   call poll   load values
 *
 * They lie in the slots at `values`, which nothing else uses there. So do all of a small loop, and
 * the floats of others that call nothing that could unwind. */
#include "seal/body.h"

#include <stdlib.h>

#include "lower/liveness.h"

enum { KEPT_MAX = 16 };

/* Marks the locals that the body of a loop mentions, which has no loops inside. */
static void mark_used(const struct block *loop, uint8_t *used)
{
    const uint8_t *at = loop->body, *peek;
    for (uint32_t depth = 1; depth > 0;) {
        uint32_t opcode = opcode_read(&at);
        peek = at;
        switch (opcode) {
        case WASM_LOCAL_GET:
        case WASM_LOCAL_SET:
        case WASM_LOCAL_TEE: used[leb_u32(&peek)] = 1; break;
        case WASM_BLOCK:
        case WASM_IF: depth++; break;
        case WASM_END: depth--; break;
        default: break;
        }
        immediates_skip(&at, opcode_info(opcode)->immediates);
    }
}

static bool is_float(valtype type)
{
    return type == TYPE_F32 || type == TYPE_F64;
}

/* `used` NULL: a loop that is not small. */
static uint32_t list_kept(const struct body *b, const struct block *loop, const uint8_t *used,
                          uint32_t kept[KEPT_MAX])
{
    const uint64_t *live = site_live(&b->sites, site_at(&b->sites, loop->site));
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->func->nlocals && count < KEPT_MAX; i++)
        if (is_live(live, i) && (used ? used[i] : is_float(b->local_types[i])))
            kept[count++] = i;
    return count;
}

static uint32_t find_kept(struct body *b, const struct block *loop, uint32_t kept[KEPT_MAX])
{
    uint8_t flags = b->loops.data[loop->loop], *used = NULL;
    if (b->resume || !counts_rounds(b, loop))
        return 0;
    if (!(flags & LOOP_COMPLEX) && (flags & LOOP_SIZE) < LOOP_SIZE) {
        used = calloc(b->func->nlocals + (size_t)1, 1);
        b->code->failed |= !used;
        if (used)
            mark_used(loop, used);
    }
    uint32_t count = list_kept(b, loop, used, kept);
    free(used);
    return count;
}

void put_poll_call(struct body *b, const struct block *loop, enum runtime_function function)
{
    uint32_t kept[KEPT_MAX], count = find_kept(b, loop, kept);
    valtype types[KEPT_MAX];
    if (count)
        put_i32(b, b->plan->values);
    for (uint32_t i = 0; i < count; i++) {
        types[i] = b->local_types[kept[i]];
        put_op(b, WASM_LOCAL_GET, kept[i]);
    }
    if (count)
        put_op(b, WASM_CALL, plan_store_helper(b->plan, types, count));
    put_i32(b, b->funcidx);
    put_i32(b, loop->site);
    put_runtime(b, function);
    for (uint32_t i = 0; i < count; i++) {
        put_i32(b, 0);
        put_slot_load(b, types[i], b->plan->values + 8 * i);
        put_op(b, WASM_LOCAL_SET, kept[i]);
    }
}
