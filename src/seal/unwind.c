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
 * along, which a resume copy has: two bytes less.) Sites at which the same lives share the code. A
 * resume copy, which is made to be small, saves whatever lives at some site, the same for all. */
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

/* The values of a site as a hot copy saves them. */

struct saved {
    uint32_t local;
    uint32_t slot; /* of the record */
    valtype type;
};

static void list_value(struct buffer *values, uint32_t local, valtype type, uint32_t slot)
{
    buffer_put(values, &(struct saved){local, slot, type}, sizeof(struct saved));
}

static void list_values(struct body *b, const struct sealed_site *site, struct buffer *values)
{
    const uint64_t *live = site_live(&b->sites, site);
    uint32_t slot = 0;
    values->size = 0;
    for (uint32_t i = 0; i < b->func->nlocals; i++)
        if (is_live(live, i))
            list_value(values, i, b->local_types[i], slot++);
    for (uint32_t i = 0; i < site->noperands; i++) {
        const struct operand *operand = site_operand(&b->sites, site, i);
        if (operand->place == OPERAND_SLOT)
            list_value(values, temporary(b, i, operand->type), operand->type, slot++);
    }
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

/* Sites whose values are saved by the same code. */
struct group {
    uint32_t site; /* one of them */
    uint32_t next; /* of the same live set: a group + 1, or 0 */
};

/* The class of the operand at that height, where the site has one with a slot of its own; else
 * NONE. */
static uint32_t slot_class(const struct body *b, const struct sealed_site *site, uint32_t height)
{
    const struct operand *operand =
        height < site->noperands ? site_operand(&b->sites, site, height) : NULL;
    return operand && operand->place == OPERAND_SLOT ? type_class(operand->type) : NONE;
}

static bool same_operands(const struct body *b, const struct sealed_site *x,
                          const struct sealed_site *y)
{
    uint32_t count = x->noperands > y->noperands ? x->noperands : y->noperands;
    for (uint32_t i = 0; i < count; i++)
        if (slot_class(b, x, i) != slot_class(b, y, i))
            return false;
    return true;
}

/* The group of a site, made if there is none like it. `heads` has a group + 1 for each live set. */
static uint32_t group_for(const struct body *b, struct buffer *groups, uint32_t *heads,
                          uint32_t siteidx)
{
    const struct sealed_site *site = site_at(&b->sites, siteidx);
    struct group group = {siteidx, heads[site->set]};
    for (uint32_t next = group.next; next;) {
        struct group other;
        memcpy(&other, groups->data + (next - 1) * sizeof other, sizeof other);
        if (same_operands(b, site, site_at(&b->sites, other.site)))
            return next - 1;
        next = other.next;
    }
    buffer_put(groups, &group, sizeof group);
    if (!groups->failed)
        heads[site->set] = (uint32_t)(groups->size / sizeof group);
    return heads[site->set] - 1;
}

static void save_groups(struct body *b, const struct buffer *groups, const uint32_t *group_of,
                        uint32_t site)
{
    const struct group *list = (const struct group *)(const void *)groups->data;
    uint32_t ngroups = (uint32_t)(groups->size / sizeof *list), nsites = sites_count(&b->sites);
    struct buffer values = {0};
    open_block(b, WASM_BLOCK, 0);
    uint32_t done = b->depth;
    for (uint32_t i = 0; i < ngroups; i++)
        open_block(b, WASM_BLOCK, 0);
    if (ngroups > 1) {
        put_op(b, WASM_LOCAL_GET, site);
        put_op(b, WASM_BR_TABLE, nsites - 1);
        for (uint32_t i = 0; i < nsites; i++)
            put_u32(b, group_of[i] == NONE ? 0 : group_of[i]);
    }
    for (uint32_t i = 0; i < ngroups; i++) {
        close_block(b);
        list_values(b, site_at(&b->sites, list[i].site), &values);
        store_values(b, &values);
        if (i + 1 < ngroups)
            put_branch(b, WASM_BR, done);
    }
    close_block(b);
    b->code->failed |= values.failed;
    buffer_free(&values);
}

/* The record's address, from the site on the stack. */
static uint32_t put_record(struct body *b, enum runtime_function push_frame)
{
    uint32_t site = scratch(b, TYPE_I32);
    if (!b->record)
        b->record = new_local(b, TYPE_I32);
    put_op(b, WASM_LOCAL_SET, site);
    put_i32(b, b->funcidx);
    put_op(b, WASM_LOCAL_GET, site);
    put_runtime(b, push_frame);
    put_op(b, WASM_LOCAL_SET, b->record);
    return site;
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

static void save_full(struct body *b)
{
    uint32_t site = put_record(b, RUNTIME_push_full_frame);
    struct buffer values = {0};
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

/* Where hundreds of values live at thousands of sites, saving each site's own would be larger than
 * the function by far: then a hot copy saves as a resume copy does. */
static bool too_many(struct body *b, const struct buffer *groups)
{
    const struct group *list = (const struct group *)(const void *)groups->data;
    struct buffer values = {0};
    size_t total = 0, limit = 2 * (size_t)(b->func->code_end - b->func->code);
    for (size_t i = 0; i < groups->size / sizeof *list && total <= limit; i++) {
        list_values(b, site_at(&b->sites, list[i].site), &values);
        total += values.size / sizeof(struct saved);
    }
    buffer_free(&values);
    return total > limit;
}

static void save_hot(struct body *b)
{
    struct buffer groups = {0};
    uint32_t nsites = sites_count(&b->sites);
    size_t nsets = b->sites.sets.size / sizeof(uint64_t) / b->sites.words;
    uint32_t *heads = calloc(nsets + 1, sizeof *heads);
    uint32_t *group_of = calloc(nsites + (size_t)1, sizeof *group_of);
    for (uint32_t i = 0; heads && group_of && i < nsites; i++)
        group_of[i] = b->used[i] ? group_for(b, &groups, heads, i) : NONE;
    b->code->failed |= !heads || !group_of || groups.failed;
    if (!b->code->failed && too_many(b, &groups))
        save_full(b);
    else if (!b->code->failed)
        save_groups(b, &groups, group_of, put_record(b, RUNTIME_push_frame));
    buffer_free(&groups);
    free(heads);
    free(group_of);
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
    if (b->resume)
        save_full(b);
    else
        save_hot(b);
    if (b->type->nresults == 1)
        put_zero(b, b->type->types[b->type->nparams]);
    put_byte(b, WASM_END);
}
