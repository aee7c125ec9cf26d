/* unwind.c - leaving a function while the stack is being unwound.
 *
 * All of it stands behind the function's instructions, out of their way:
 *
 *     block (result i32)              the site is the block's result
 *       ...
 *       call f
 *       global.get unwinding   if   i32.const site   br   end
 *       ...
 *       return
 *     end
 *     save what lives at the site, return zeros
 *
 * A hot copy saves what lives at the site it is at, and nothing else is ever needed there: a host's
 * register allocator keeps only that. (Nor does it keep the site, as with a `br_if` that takes it
 * along, which a resume copy has: two bytes less.) It is in saving.c. A resume copy, which is made
 * to be small, saves whatever lives at some site, the same for all; so does a hot one where saving
 * each site's own would be too much. */
#include "seal/body.h"

#include <stdlib.h>

#include "lower/liveness.h"

void put_leave(struct body *b, uint32_t site)
{
    b->used[site] = b->unwinds = true;
    open_block(b, WASM_IF, 0);
    put_i32(b, site);
    put_branch(b, WASM_BR, b->unwind);
    close_block(b);
}

void put_check(struct body *b, uint32_t site)
{
    b->used[site] = b->unwinds = true;
    if (b->resume) {
        put_i32(b, site);
        put_op(b, WASM_GLOBAL_GET, b->plan->unwinding);
        put_branch(b, WASM_BR_IF, b->unwind);
        put_byte(b, WASM_DROP);
        return;
    }
    put_op(b, WASM_GLOBAL_GET, b->plan->unwinding);
    put_leave(b, site);
}

void put_check_indirect(struct body *b, uint32_t site)
{
    b->used[site] = b->used[site - 1] = b->unwinds = true;
    put_op(b, WASM_GLOBAL_GET, b->plan->unwinding);
    open_block(b, WASM_IF, 0);
    put_i32(b, site + 1); /* less 1: that call; less 2: the host call */
    put_op(b, WASM_GLOBAL_GET, b->plan->unwinding);
    put_byte(b, WASM_I32_SUB);
    put_branch(b, WASM_BR, b->unwind);
    close_block(b);
}

void put_check_host(struct body *b, uint32_t site)
{
    b->used[site] = b->unwinds = true;
    put_i32(b, site);
    put_op(b, WASM_GLOBAL_GET, b->plan->unwinding);
    put_i32(b, 2);
    put_byte(b, WASM_I32_EQ);
    put_branch(b, WASM_BR_IF, b->unwind);
    put_byte(b, WASM_DROP);
}

void open_unwind(struct body *b)
{
    if (!b->unwinds)
        return;
    open_block(b, WASM_BLOCK, TYPE_I32);
    b->unwind = b->depth;
}

/* A full record. */

struct saved {
    uint32_t local;
    uint32_t slot; /* of the record */
    valtype type;
};

static void list_value(struct buffer *values, uint32_t local, valtype type, uint32_t slot)
{
    buffer_put(values, &(struct saved){local, slot, type}, sizeof(struct saved));
}

/* Runs of values of one type go to one function, which stores them one after the other. */
static void store_values(struct body *b, const struct buffer *values)
{
    const struct saved *list = (const struct saved *)(const void *)values->data;
    uint32_t count = (uint32_t)(values->size / sizeof *list);
    for (uint32_t i = 0, run; i < count; i += run) {
        valtype types[16];
        put_op(b, WASM_LOCAL_GET, b->record);
        if (list[i].slot) {
            put_i32(b, list[i].slot * 8);
            put_byte(b, WASM_I32_ADD);
        }
        for (run = 0; run < 16 && i + run < count; run++) {
            const struct saved *next = &list[i + run];
            if (type_class(next->type) != type_class(list[i].type) ||
                next->slot != list[i].slot + run)
                break;
            types[run] = next->type;
            put_op(b, WASM_LOCAL_GET, next->local);
        }
        put_op(b, WASM_CALL, plan_store_helper(b->plan, types, run));
    }
}

void put_frame(struct body *b, enum runtime_function push_frame, uint32_t site)
{
    put_i32(b, b->funcidx);
    put_op(b, WASM_LOCAL_GET, site);
    put_runtime(b, push_frame);
}

/* The temporaries of one height can be of several types: then each is stored for the sites that
 * have it. */
static void store_temporary(struct body *b, uint32_t site, uint32_t height, uint32_t class,
                            bool alone)
{
    static const valtype types[] = {TYPE_I32, TYPE_I64, TYPE_F32, TYPE_F64};
    uint32_t nsites = sites_count(&b->sites);
    if (!alone) {
        open_block(b, WASM_BLOCK, 0);
        open_block(b, WASM_BLOCK, 0);
        put_op(b, WASM_LOCAL_GET, site);
        put_op(b, WASM_BR_TABLE, nsites - 1);
        for (uint32_t i = 0; i < nsites; i++) {
            const struct sealed_site *at = site_at(&b->sites, i);
            bool has = height < at->noperands &&
                       type_class(site_operand(&b->sites, at, height)->type) == class;
            put_u32(b, !has);
        }
        close_block(b);
    }
    put_op(b, WASM_LOCAL_GET, b->record);
    put_op(b, WASM_LOCAL_GET, temporary(b, height, types[class]));
    put_slot_store(b, types[class], 8 + 8 * (b->func->nlocals + height));
    if (!alone)
        close_block(b);
}

/* The locals that live at some site; a run goes on over one that does not, of the same type. */
static void list_locals(const struct body *b, struct buffer *values)
{
    uint32_t gap = 0;
    for (uint32_t i = 0; i < b->func->nlocals; i++) {
        if (!is_live(b->ever_live, i))
            continue;
        if (gap && gap + 1 == i && type_class(b->local_types[gap]) == type_class(b->local_types[i]))
            list_value(values, gap, b->local_types[gap], 1 + gap);
        list_value(values, i, b->local_types[i], 1 + i);
        gap = i + 1;
    }
}

static void save_full(struct body *b, uint32_t site)
{
    struct buffer values = {0};
    if (!b->record)
        b->record = new_local(b, TYPE_I32);
    put_frame(b, RUNTIME_push_full_frame, site);
    put_op(b, WASM_LOCAL_SET, b->record);
    list_locals(b, &values);
    store_values(b, &values);
    b->code->failed |= values.failed;
    buffer_free(&values);
    for (uint32_t height = 0; height < temporary_heights(b); height++) {
        uint32_t count = 0;
        for (uint32_t class = 0; class < 4; class ++)
            count += has_temporary(b, height, class);
        for (uint32_t class = 0; class < 4; class ++)
            if (has_temporary(b, height, class))
                store_temporary(b, site, height, class, count == 1);
    }
}

void close_unwind(struct body *b)
{
    if (b->returns)
        put_epilogue(b);
    if (!b->unwinds) {
        put_byte(b, WASM_END);
        return;
    }
    put_byte(b, WASM_RETURN);
    close_block(b);
    if (b->dry)
        return;
    uint32_t site = scratch(b, TYPE_I32);
    put_op(b, WASM_LOCAL_SET, site);
    if (b->resume || !save_hot(b, site))
        save_full(b, site);
    if (b->type->nresults == 1)
        put_zero(b, b->type->types[b->type->nparams]);
    put_byte(b, WASM_END);
}
