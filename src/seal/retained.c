/* retained.c - what a loop uses, while the loop's poll is being called.
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

#include "lower/liveness.h"

enum {
    KEPT_MAX = 16,
    LOCALS_MAX = 1000 /* of a function: no more are looked at for each loop */
};

/* The kept locals, by type, so that few functions store them. */
struct kept {
    uint32_t locals[KEPT_MAX];
    uint32_t count;
};

static void add_local(const struct body *b, struct kept *kept, uint32_t local)
{
    uint32_t class = type_class(b->local_types[local]), at = kept->count;
    for (uint32_t i = 0; i < kept->count; i++)
        if (kept->locals[i] == local)
            return;
    if (at == KEPT_MAX)
        return;
    for (; at > 0 && type_class(b->local_types[kept->locals[at - 1]]) > class; at--)
        kept->locals[at] = kept->locals[at - 1];
    kept->locals[at] = local;
    kept->count++;
}

/* Of a small loop: what its body mentions. */
static void add_used(const struct body *b, struct kept *kept, const struct block *loop,
                     const uint64_t *live)
{
    struct reader reader = walk_body(b->module, b->func);
    struct instruction i;
    reader.at = loop->body;
    for (int depth = 1; depth > 0 && walk_next(&reader, &i); depth += walk_depth(i.opcode))
        if (names_local(i.opcode) && is_live(live, i.index))
            add_local(b, kept, i.index);
}

static void add_floats(const struct body *b, struct kept *kept, const uint64_t *live)
{
    for (uint32_t i = 0; i < b->func->nlocals && i < LOCALS_MAX; i++)
        if (is_live(live, i) && (b->local_types[i] == TYPE_F32 || b->local_types[i] == TYPE_F64))
            add_local(b, kept, i);
}

static void find_kept(const struct body *b, const struct block *loop, struct kept *kept)
{
    uint8_t flags = b->loops.data[loop->loop];
    const uint64_t *live = site_live(&b->sites, site_at(&b->sites, loop->site));
    if (b->resume || !counts_rounds(b, loop))
        return;
    if (!(flags & LOOP_COMPLEX) && (flags & LOOP_SIZE) < LOOP_SIZE)
        add_used(b, kept, loop, live);
    else
        add_floats(b, kept, live);
}

void put_poll_call(struct body *b, const struct block *loop, enum runtime_function function)
{
    struct kept kept = {0};
    valtype types[KEPT_MAX];
    find_kept(b, loop, &kept);
    if (kept.count)
        put_i32(b, b->plan->values);
    for (uint32_t i = 0; i < kept.count; i++) {
        types[i] = b->local_types[kept.locals[i]];
        put_op(b, WASM_LOCAL_GET, kept.locals[i]);
    }
    if (kept.count)
        put_op(b, WASM_CALL, plan_store_helper(b->plan, types, kept.count));
    put_runtime(b, function);
    for (uint32_t i = 0; i < kept.count; i++) {
        put_i32(b, 0);
        put_slot_load(b, types[i], b->plan->values + 8 * i);
        put_op(b, WASM_LOCAL_SET, kept.locals[i]);
    }
}
