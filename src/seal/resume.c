/* resume.c - a function that begins at any of its sites.
 *
 * It takes no arguments: it loads its locals and temporaries from its frame's record, and the site
 * into the local `state`, which is zero once it is there. Each sequence of instructions with sites
 * in it begins with a switch:
 *
 *     block  block  block
 *       br_table on state          zero: go on with the first instruction
 *     end  instructions
 *     end  first entry             a call, a host call, a loop; or a block with sites inside, which
 * has
 *     ...                          a switch of its own
 *     end  second entry
 *     ...
 *
 * At an entry no operand of the sequence is on the stack: they are dropped before it and come back
 * after it from their temporaries, whichever way it was reached. What stands before the first entry
 * and in no loop is left out: nothing leads there. A frame at its entry is a call of the hot copy.
 */
#include "seal/body.h"

#include <stdlib.h>

#include "lower/liveness.h"

static struct sequence *sequence_at(const struct body *b, uint32_t index)
{
    return (struct sequence *)(void *)b->sequences.data + index;
}

static struct entry *entry_at(const struct body *b, uint32_t index)
{
    return (struct entry *)(void *)b->entries.data + index;
}

/* Entries. */

void add_entry(struct body *b, struct entry entry)
{
    if (!b->resume || !b->dry || b->entries.failed || b->sequences.failed)
        return;
    struct sequence *sequence = sequence_at(b, block_at(b, 0)->sequence);
    uint32_t index = (uint32_t)(b->entries.size / sizeof entry);
    entry.next = NONE;
    if (sequence->count++)
        entry_at(b, sequence->last)->next = index;
    else
        sequence->first = index;
    sequence->last = index;
    buffer_put(&b->entries, &entry, sizeof entry);
}

const struct entry *next_entry(const struct body *b, enum entry_kind kind)
{
    if (!b->resume || b->dry || block_at(b, 0)->entry == NONE)
        return NULL;
    const struct entry *entry = entry_at(b, block_at(b, 0)->entry);
    return entry->kind == kind && entry->offset == b->offset ? entry : NULL;
}

void drop_operands(struct body *b, uint32_t height)
{
    uint32_t count = height - block_at(b, 0)->height;
    if (count > 2) {
        put_op(b, WASM_BR, 0);
        return;
    }
    while (count--)
        put_byte(b, WASM_DROP);
}

void land(struct body *b)
{
    struct block *block = block_at(b, 0);
    block->entry = entry_at(b, block->entry)->next;
    b->mute = false;
    close_block(b);
}

void arrive(struct body *b)
{
    if (block_at(b, 0)->arrived)
        return;
    put_i32(b, 0);
    put_op(b, WASM_LOCAL_SET, b->state);
}

static void put_constant(struct body *b, valtype type, uint64_t value)
{
    uint8_t bytes[8];
    switch (type) {
    case TYPE_I64:
        put_byte(b, WASM_I64_CONST);
        put_s64(b, (int64_t)value);
        break;
    case TYPE_F32:
        put_byte(b, WASM_F32_CONST);
        put_le32(bytes, (uint32_t)value);
        put_bytes(b, bytes, 4);
        break;
    case TYPE_F64:
        put_byte(b, WASM_F64_CONST);
        put_le64(bytes, value);
        put_bytes(b, bytes, 8);
        break;
    default: put_i32(b, (uint32_t)value);
    }
}

static void put_operand(struct body *b, uint32_t height, const struct operand *operand)
{
    switch (operand->place) {
    case OPERAND_CONST: put_constant(b, operand->type, operand->value); break;
    case OPERAND_LOCAL: {
        uint32_t local = operand->slot / 8;
        put_op(b, WASM_LOCAL_GET, local);
        if (operand->type == TYPE_I32 && b->local_types[local] == TYPE_I64)
            put_byte(b, WASM_I32_WRAP_I64);
        break;
    }
    default: put_op(b, WASM_LOCAL_GET, temporary(b, height, operand->type));
    }
}

void put_operands(struct body *b, uint32_t site, uint32_t height)
{
    const struct sealed_site *at = site_at(&b->sites, site);
    if (b->dry)
        return;
    for (uint32_t i = block_at(b, 0)->height; i < height; i++)
        put_operand(b, i, site_operand(&b->sites, at, i));
}

/* Sequences. */

/* Opens the blocks at whose ends the entries are, the last one's first. */
static void open_entries(struct body *b, uint32_t index, struct buffer *list)
{
    list->size = 0;
    for (; index != NONE; index = entry_at(b, index)->next)
        buffer_put(list, &index, sizeof index);
    for (size_t i = list->size / sizeof index; i-- > 0 && !list->failed;) {
        memcpy(&index, list->data + i * sizeof index, sizeof index);
        struct entry *entry = entry_at(b, index);
        if (entry->kind == ENTRY_CALL)
            open_block(b, WASM_BLOCK, entry->result);
        open_block(b, WASM_BLOCK, 0);
        entry->target = b->depth;
    }
}

static const struct entry *listed(const struct body *b, const struct buffer *list, size_t i)
{
    uint32_t index;
    memcpy(&index, list->data + i * sizeof index, sizeof index);
    return entry_at(b, index);
}

/* Whether the site is reached at each of the entries: none leads into a block with a switch of its
 * own. */
static bool no_switch_inside(const struct body *b, const struct buffer *list)
{
    for (size_t i = 0; i < list->size / sizeof(uint32_t); i++)
        if (listed(b, list, i)->kind == ENTRY_BLOCK)
            return false;
    return true;
}

/* A table with an entry for each site, or a comparison for each entry, whichever is smaller. */
static void put_switch(struct body *b, const struct buffer *list, uint32_t otherwise)
{
    size_t count = list->size / sizeof(uint32_t);
    uint32_t low = listed(b, list, 0)->low, high = listed(b, list, count - 1)->high;
    if (count == 1) {
        put_op(b, WASM_LOCAL_GET, b->state);
        put_branch(b, WASM_BR_IF, listed(b, list, 0)->target);
    } else if (high - low <= 8 * count + 16) {
        put_op(b, WASM_LOCAL_GET, b->state);
        put_i32(b, low + 1);
        put_byte(b, WASM_I32_SUB);
        if (no_switch_inside(b, list)) { /* once for all entries */
            arrive(b);
            block_at(b, 0)->arrived = true;
        }
        put_op(b, WASM_BR_TABLE, high - low);
        for (size_t i = 0; i < count; i++) {
            const struct entry *entry = listed(b, list, i);
            for (; low < entry->low; low++)
                put_u32(b, b->depth - otherwise);
            for (; low < entry->high; low++)
                put_u32(b, b->depth - entry->target);
        }
        put_u32(b, b->depth - otherwise);
    } else {
        put_op(b, WASM_LOCAL_GET, b->state);
        put_byte(b, WASM_I32_EQZ);
        put_branch(b, WASM_BR_IF, otherwise);
        for (size_t i = 0; i + 1 < count; i++) {
            put_op(b, WASM_LOCAL_GET, b->state);
            put_i32(b, listed(b, list, i)->high + 1);
            put_byte(b, WASM_I32_LT_U);
            put_branch(b, WASM_BR_IF, listed(b, list, i)->target);
        }
        put_branch(b, WASM_BR, listed(b, list, count - 1)->target);
    }
}

void begin_sequence(struct body *b, bool entered)
{
    struct block *block = block_at(b, 0);
    if (!b->resume || b->blocks.failed)
        return;
    block->sequence = b->next_sequence++;
    block->arrived = false;
    if (b->dry) {
        struct sequence sequence = {NONE, NONE, 0};
        buffer_put(&b->sequences, &sequence, sizeof sequence);
        return;
    }
    block->entry = sequence_at(b, block->sequence)->first;
    if (block->entry == NONE && !entered)
        return;
    if (block->entry != NONE) {
        struct buffer list = {0};
        open_entries(b, block->entry, &list);
        open_block(b, WASM_BLOCK, 0);
        if (!list.failed)
            put_switch(b, &list, b->depth);
        close_block(b);
        b->code->failed |= list.failed;
        buffer_free(&list);
    }
    if (entered) { /* and not at the beginning */
        put_byte(b, WASM_UNREACHABLE);
        b->mute = true;
    }
}

/* The whole. */

static void put_load(struct body *b, valtype type, uint32_t slot, uint32_t local)
{
    put_op(b, WASM_LOCAL_GET, b->record);
    put_slot_load(b, type, 8 + 8 * slot);
    put_op(b, WASM_LOCAL_SET, local);
}

static void put_loads(struct body *b)
{
    static const valtype types[] = {TYPE_I32, TYPE_I64, TYPE_F32, TYPE_F64};
    put_runtime(b, RUNTIME_next_frame);
    put_op(b, WASM_LOCAL_TEE, b->record);
    put_slot_load(b, TYPE_I32, 0);
    put_i32(b, 1);
    put_byte(b, WASM_I32_ADD);
    put_op(b, WASM_LOCAL_SET, b->state);
    for (uint32_t i = 0; i < b->func->nlocals; i++)
        if (is_live(b->ever_live, i))
            put_load(b, b->local_types[i], i, i);
    for (uint32_t height = 0; height < temporary_heights(b); height++)
        for (uint32_t class = 0; class < 4; class ++)
            if (has_temporary(b, height, class))
                put_load(b, types[class], b->func->nlocals + height,
                         temporary(b, height, types[class]));
}

static void put_hot_call(struct body *b)
{
    if (analysis_polls_at_entry(b->analysis, b->funcidx))
        give_fuel(b);
    for (uint32_t i = 0; i < b->type->nparams; i++)
        put_op(b, WASM_LOCAL_GET, i);
    put_op(b, WASM_CALL, b->plan->hot[b->funcidx]);
}

static void write_copy(struct body *b)
{
    b->depth = 0;
    put_loads(b);
    if (sites_count(&b->sites) == 1) {
        put_hot_call(b);
        put_byte(b, WASM_END);
        return;
    }
    put_op(b, WASM_LOCAL_GET, b->state);
    put_i32(b, 1);
    put_byte(b, WASM_I32_EQ);
    open_block(b, WASM_IF, 0);
    put_hot_call(b);
    put_byte(b, WASM_RETURN);
    close_block(b);
    if (b->strips) { /* it passes headers on its way to the site */
        put_i32(b, STRIP + (uint32_t)b->loops.size);
        put_op(b, WASM_LOCAL_SET, b->rounds);
    }
    open_unwind(b);
    body_walk(b);
    close_unwind(b);
}

bool seal_resume(struct plan *plan, const struct analysis *analysis, uint32_t funcidx,
                 struct buffer *body, struct error *error)
{
    struct buffer code = {0};
    struct body b = {.code = &code, .resume = true};
    bool good = body_start(&b, plan, analysis, funcidx, error);
    if (good) {
        b.state = new_local(&b, TYPE_I32);
        b.record = new_local(&b, TYPE_I32);
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
