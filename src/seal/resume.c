/* resume.c - a function that begins at any of its sites.
 *
 * It takes no arguments: it loads its locals and temporaries from its frame's record, and the site
 * into the local `state`. The function's instructions, and those of each loop, are a sequence that
 * begins with a switch:
 *
 *     block  block  block
 *       br_table on state
 *     end  instructions       of a loop: no site in it, begin with the first instruction
 *     end  first landing      behind a call, before a host call, before a loop
 *     ...
 *     end  second landing
 *     ...
 *
 * The guest's blocks that have sites inside are opened there too, and its `if`s become such blocks:
 * so all of these sites belong to one sequence, however deep they lie. At a landing, and around
 * such a block, no operand of the sequence is on the stack: they are dropped before it and come
 * back after it from their temporaries, whichever way it was reached.
 *
 * What no site leads to is left out: b->mute. A frame at its function's entry is a call of the hot
 * copy. */
#include "seal/body.h"

#include <stdlib.h>

#include "lower/liveness.h"
#include "seal/layout.h"

static struct sequence *sequence_at(const struct body *b, uint32_t index)
{
    return (struct sequence *)(void *)b->sequences.data + index;
}

static struct entry *entry_at(const struct body *b, uint32_t index)
{
    return (struct entry *)(void *)b->entries.data + index;
}

static struct hoist *hoist_at(const struct body *b, uint32_t index)
{
    return (struct hoist *)(void *)b->hoists.data + index;
}

/* Entries. */

/* In the first walk; NONE when memory ran out. */
static uint32_t add_entry(struct body *b, const struct entry *entry)
{
    if (b->entries.failed || b->sequences.failed)
        return NONE;
    struct sequence *sequence = sequence_at(b, block_at(b, 0)->sequence);
    uint32_t index = (uint32_t)(b->entries.size / sizeof *entry);
    if (sequence->first == NONE)
        sequence->first = index;
    else
        entry_at(b, sequence->last)->next = index;
    sequence->last = index;
    sequence->landings += entry->low < entry->high;
    buffer_put(&b->entries, entry, sizeof *entry);
    return index;
}

/* In the second walk: the next of the sequence. */
static struct entry *take_entry(struct body *b)
{
    struct sequence *sequence = sequence_at(b, block_at(b, 0)->sequence);
    struct entry *entry = entry_at(b, sequence->first);
    while (entry->kind == ENTRY_NONE)
        entry = entry_at(b, entry->next);
    sequence->first = entry->next;
    return entry;
}

/* Of the operands on the stack model. */
static void mark_values(struct body *b, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; b->dry && i < to && !b->marks.failed && !b->stack.failed; i++) {
        b->marks.data[value_at(b, i)->number] = 1;
        temporary(b, i, value_at(b, i)->type);
    }
}

static void get_temporaries(struct body *b, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        put_op(b, WASM_LOCAL_GET, temporary(b, i, value_at(b, i)->type));
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
        uint32_t local = operand->at;
        put_op(b, WASM_LOCAL_GET, local);
        if (operand->type == TYPE_I32 && b->local_types[local] == TYPE_I64)
            put_byte(b, WASM_I32_WRAP_I64);
        break;
    }
    default: put_op(b, WASM_LOCAL_GET, temporary(b, height, operand->type));
    }
}

/* Those of the site that belong to the innermost block. */
static void put_operands(struct body *b, uint32_t site)
{
    const struct sealed_site *at = site_at(&b->sites, site);
    for (uint32_t i = block_at(b, 0)->height; !b->dry && i < b->height; i++)
        put_operand(b, i, site_operand(&b->sites, at, i));
}

/* The local with the site to go to, for the switch of a sequence with so many loops around it. In deep
 * loops they share one: hosts' compilers take their time for each local that lives in a loop. */
#define STATES_MAX 8
static uint32_t state_of(const struct body *b, uint32_t loops)
{
    return loops == 0 ? b->target : b->states + (loops < STATES_MAX ? loops : STATES_MAX) - 1;
}

static void clear_state(struct body *b, uint32_t loops)
{
    put_i32(b, NONE);
    put_op(b, WASM_LOCAL_SET, state_of(b, loops));
}

/* Where no switch before the site has cleared it. */
static void clear_shared_state(struct body *b)
{
    uint32_t loops = block_at(b, 0)->loops;
    if (loops < STATES_MAX)
        return;
    if (b->dry)
        b->nstates = STATES_MAX;
    clear_state(b, loops);
}

/* The block that ends here is a landing's. */
static void drop_operands(struct body *b, uint32_t count)
{
    if (count > 2)
        put_op(b, WASM_BR, 0);
    else
        while (count--)
            put_byte(b, WASM_DROP);
}

static void land(struct body *b, const struct entry *first)
{
    b->nlandings++;
    if (b->dry) {
        uint32_t loops = block_at(b, 0)->loops;
        add_entry(b, first);
        loops = loops < STATES_MAX ? loops : STATES_MAX;
        b->nstates = loops > b->nstates ? loops : b->nstates;
    } else {
        take_entry(b);
    }
    b->mute = false;
    if (!b->dry)
        close_block(b);
    if (first->kind != ENTRY_LOOP)
        clear_shared_state(b);
}

void land_at(struct body *b, enum entry_kind kind, uint32_t site)
{
    if (!b->resume)
        return;
    drop_operands(b, b->height - block_at(b, 0)->height);
    land(b, &(struct entry){.kind = kind, .low = site, .high = site + 1, .next = NONE});
    put_operands(b, site);
}

void land_behind_call(struct body *b, uint32_t site, const struct functype *type)
{
    if (!b->resume)
        return;
    uint32_t result = type->nresults == 1 ? called_result(b, type->types[type->nparams]) : NONE;
    if (result != NONE)
        put_op(b, WASM_LOCAL_SET, result);
    land_at(b, ENTRY_CALL, site);
    if (result != NONE)
        put_op(b, WASM_LOCAL_GET, result);
}

/* Loops. */

static bool has_landings(const struct body *b, uint32_t sequence)
{
    return sequence_at(b, sequence)->landings > 0;
}

void land_at_loop(struct body *b, struct block *loop)
{
    uint32_t below = block_at(b, 0)->height, base = loop->height;
    for (uint32_t i = loop->type->nparams; i-- > 0;)
        put_op(b, WASM_LOCAL_SET, temporary(b, base + i, loop->type->types[i]));
    drop_operands(b, base - below);
    mark_values(b, below, base);
    loop->entry = (uint32_t)(b->entries.size / sizeof(struct entry));
    land(b, &(struct entry){
                .kind = ENTRY_LOOP, .low = loop->site, .high = loop->site + 1, .next = NONE});
    get_temporaries(b, below, base);
    for (uint32_t i = 0; i < loop->type->nparams; i++) {
        put_op(b, WASM_LOCAL_GET, temporary(b, base + i, loop->type->types[i]));
        put_op(b, WASM_LOCAL_SET, transfer(b, i, loop->type->types[i]));
    }
}

void leave_loop(struct body *b, const struct block *loop)
{
    if (b->resume && b->dry && !b->entries.failed)
        entry_at(b, loop->entry)->high = b->next_site;
}

/* Blocks and `if`s. */

/* The first walk finds at the block's end whether it has sites inside. */
void find_hoist(struct body *b, struct block *block)
{
    if (!b->resume)
        return;
    block->hoist = b->next_hoist++;
    block->landings = b->nlandings;
    if (b->dry)
        buffer_put(&b->hoists, &(struct hoist){false, NONE, NONE}, sizeof(struct hoist));
}

bool is_hoisted(const struct body *b, const struct block *block)
{
    return b->resume && !b->dry && block->hoist != NONE && hoist_at(b, block->hoist)->hoisted;
}

static uint32_t target_of(const struct body *b, uint32_t entry)
{
    return entry == NONE ? 0 : entry_at(b, entry)->target;
}

void open_hoisted(struct body *b, struct block *block)
{
    const struct hoist *hoist = hoist_at(b, block->hoist);
    const struct functype *type = block->type;
    bool has_else = hoist->otherwise != NONE;
    block->target = target_of(b, hoist->end);
    if (block->opcode != WASM_IF || b->mute)
        return;
    put_byte(b, WASM_I32_EQZ);
    if (has_else) {
        put_branch(b, WASM_BR_IF, target_of(b, hoist->otherwise));
    } else if (type->nresults == 1) { /* its parameter */
        put_op(b, WASM_LOCAL_SET, scratch(b, TYPE_I32));
        get_transfers(b, type->types, 1);
        put_op(b, WASM_LOCAL_GET, scratch(b, TYPE_I32));
        put_branch(b, WASM_BR_IF, block->target);
        put_byte(b, WASM_DROP);
    } else {
        put_branch(b, WASM_BR_IF, block->target);
    }
}

/* `live`: the first arm goes on to the end. */
void hoisted_else(struct body *b, struct block *block, bool live)
{
    bool reached = !block->mute;
    if (b->dry) {
        if (reached && !b->hoists.failed) {
            uint32_t entry = add_entry(b, &(struct entry){.kind = ENTRY_ELSE, .next = NONE});
            hoist_at(b, block->hoist)->otherwise = entry;
        }
    } else {
        if (live)
            put_branch(b, WASM_BR, block->target);
        if (reached) {
            take_entry(b);
            b->mute = false;
            close_block(b);
        }
    }
    b->mute = !reached;
}

/* In the first walk. `branched`: something that is reached leads to the end. */
void settle_hoist(struct body *b, const struct block *block, valtype result, bool branched)
{
    if (!b->resume || !b->dry || block->hoist == NONE || b->hoists.failed || b->entries.failed)
        return;
    struct hoist *hoist = hoist_at(b, block->hoist);
    if (b->nlandings > block->landings) {
        hoist->hoisted = true;
        mark_values(b, block_at(b, 1)->height, block->height);
        if (branched)
            hoist->end =
                add_entry(b, &(struct entry){.kind = ENTRY_END, .result = result, .next = NONE});
    } else if (hoist->otherwise != NONE) {
        entry_at(b, hoist->otherwise)->kind = ENTRY_NONE;
    }
}

void close_hoisted(struct body *b, const struct block *block)
{
    if (hoist_at(b, block->hoist)->end == NONE)
        return;
    take_entry(b);
    b->mute = false;
    close_block(b);
}

void hide_operands(struct body *b, const struct block *block)
{
    for (uint32_t i = block_at(b, 0)->height; i < block->height; i++)
        put_byte(b, WASM_DROP);
}

/* Behind the block, which has been taken off the list; `result`: its own. */
void show_operands(struct body *b, const struct block *block, valtype result)
{
    uint32_t below = block_at(b, 0)->height;
    if (below == block->height)
        return;
    if (result)
        put_op(b, WASM_LOCAL_SET, transfer(b, 0, result));
    get_temporaries(b, below, block->height);
    if (result)
        put_op(b, WASM_LOCAL_GET, transfer(b, 0, result));
}

/* Switches. */

/* Opens the blocks at whose ends the entries are, the last one's first; lists the landings. */
static void open_entries(struct body *b, uint32_t index, struct buffer *list)
{
    list->size = 0;
    for (; index != NONE; index = entry_at(b, index)->next)
        if (entry_at(b, index)->kind != ENTRY_NONE)
            buffer_put(list, &index, sizeof index);
    size_t count = list->size / sizeof index, landings = 0;
    for (size_t i = count; i-- > 0 && !list->failed;) {
        memcpy(&index, list->data + i * sizeof index, sizeof index);
        struct entry *entry = entry_at(b, index);
        open_block(b, WASM_BLOCK, entry->result);
        entry->target = b->depth;
    }
    for (size_t i = 0; i < count && !list->failed; i++) {
        memcpy(&index, list->data + i * sizeof index, sizeof index);
        if (entry_at(b, index)->low < entry_at(b, index)->high)
            memcpy(list->data + landings++ * sizeof index, &index, sizeof index);
    }
    list->size = landings * sizeof index;
}

static const struct entry *listed(const struct body *b, const struct buffer *list, size_t i)
{
    uint32_t index;
    memcpy(&index, list->data + i * sizeof index, sizeof index);
    return entry_at(b, index);
}

/* The site, less `low`. A loop's switch is passed again: then the site has been reached. */
static void get_state(struct body *b, uint32_t low)
{
    uint32_t loops = block_at(b, 0)->loops;
    put_op(b, WASM_LOCAL_GET, state_of(b, loops));
    if (low == 0)
        return;
    put_i32(b, low);
    put_binary(b, WASM_I32_SUB);
}

static void clear_own_state(struct body *b)
{
    uint32_t loops = block_at(b, 0)->loops;
    if (loops > 0 && loops < STATES_MAX)
        clear_state(b, loops);
}

static void put_table(struct body *b, const struct buffer *list, uint32_t otherwise)
{
    size_t count = list->size / sizeof(uint32_t);
    uint32_t low = listed(b, list, 0)->low, high = listed(b, list, count - 1)->high;
    uint32_t at = low < 4 ? 0 : low;
    get_state(b, at);
    clear_own_state(b);
    put_op(b, WASM_BR_TABLE, high - at);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = listed(b, list, i);
        for (; at < entry->low; at++)
            put_u32(b, b->depth - otherwise);
        for (; at < entry->high; at++)
            put_u32(b, b->depth - entry->target);
    }
    put_u32(b, b->depth - otherwise);
}

static void put_comparisons(struct body *b, const struct buffer *list, uint32_t otherwise)
{
    size_t count = list->size / sizeof(uint32_t);
    uint32_t low = listed(b, list, 0)->low, high = listed(b, list, count - 1)->high;
    get_state(b, low);
    put_i32(b, high - low);
    put_binary(b, WASM_I32_GE_U);
    clear_own_state(b);
    put_branch(b, WASM_BR_IF, otherwise);
    for (size_t i = 0; i + 1 < count; i++) {
        put_op(b, WASM_LOCAL_GET, b->target);
        put_i32(b, listed(b, list, i)->high);
        put_binary(b, WASM_I32_LT_U);
        put_branch(b, WASM_BR_IF, listed(b, list, i)->target);
    }
    put_branch(b, WASM_BR, listed(b, list, count - 1)->target);
}

/* A table with an entry for each site, or a comparison for each landing, whichever is smaller. */
static void put_switch(struct body *b, const struct buffer *list, uint32_t otherwise)
{
    size_t count = list->size / sizeof(uint32_t);
    uint32_t low = listed(b, list, 0)->low, high = listed(b, list, count - 1)->high;
    if (count == 1 && block_at(b, 0)->loops == 0) { /* the only other site is zero */
        put_op(b, WASM_LOCAL_GET, b->target);
        put_branch(b, WASM_BR_IF, listed(b, list, 0)->target);
    } else if (count == 1 && high == low + 1) {
        put_op(b, WASM_LOCAL_GET, state_of(b, block_at(b, 0)->loops));
        put_i32(b, low);
        put_binary(b, WASM_I32_EQ);
        clear_own_state(b);
        put_branch(b, WASM_BR_IF, listed(b, list, 0)->target);
    } else if (high - low <= 8 * count + 8)
        put_table(b, list, otherwise);
    else
        put_comparisons(b, list, otherwise);
}

static void put_hot_call(struct body *b)
{
    if (analysis_polls_at_entry(b->analysis, b->funcidx))
        give_fuel(b);
    for (uint32_t i = 0; i < b->type->nparams; i++)
        put_op(b, WASM_LOCAL_GET, i);
    put_op(b, WASM_CALL, b->plan->hot[b->funcidx]);
}

/* The innermost block's, the function's or a loop's. */
void begin_sequence(struct body *b)
{
    struct block *block = block_at(b, 0);
    bool loop = block->opcode == WASM_LOOP;
    if (!b->resume || b->blocks.failed || b->sequences.failed || b->entries.failed)
        return;
    block->sequence = b->next_sequence++;
    if (b->dry) {
        buffer_put(&b->sequences, &(struct sequence){NONE, NONE, 0}, sizeof(struct sequence));
    } else if (has_landings(b, block->sequence)) {
        struct buffer list = {0};
        open_entries(b, sequence_at(b, block->sequence)->first, &list);
        open_block(b, WASM_BLOCK, 0);
        if (!list.failed)
            put_switch(b, &list, b->depth);
        close_block(b);
        b->code->failed |= list.failed;
        buffer_free(&list);
    }
    clear_shared_state(b);
    if (!loop) { /* no site, but the function's own */
        put_hot_call(b);
        put_byte(b, WASM_RETURN);
        b->mute = true;
    }
}

/* The whole. */

static const valtype class_types[] = {TYPE_I32, TYPE_I64, TYPE_F32, TYPE_F64};

/* Most have few locals; the record's address is a local for the others. */
static void put_load(struct body *b, valtype type, uint32_t slot, uint32_t local)
{
    if (slot < LOAD_SLOTS) {
        put_op(b, WASM_CALL, plan_load_helper(b->plan, type, slot));
    } else {
        put_op(b, WASM_LOCAL_GET, b->record);
        put_slot_load(b, type, 8 * slot);
    }
    put_op(b, WASM_LOCAL_SET, local);
}

static void put_loads(struct body *b)
{
    put_runtime(b, RUNTIME_next_frame);
    for (uint32_t i = 0; i < b->nstates; i++)
        put_op(b, WASM_LOCAL_TEE, b->states + i);
    put_op(b, WASM_LOCAL_SET, b->target);
    if (1 + b->func->nlocals + temporary_heights(b) > LOAD_SLOTS) {
        put_i32(b, 0);
        put_slot_load(b, TYPE_I32, b->plan->values + 8 * SLOTS_VALUES);
        put_op(b, WASM_LOCAL_SET, b->record);
    }
    for (uint32_t class = 0; class < 4; class ++)
        if (b->results[class]) {
            put_i32(b, 0);
            put_slot_load(b, class_types[class], b->plan->values);
            put_op(b, WASM_LOCAL_SET, b->results[class] - 1);
        }
    for (uint32_t i = 0; i < b->func->nlocals; i++)
        if (is_live(b->ever_live, i))
            put_load(b, b->local_types[i], 1 + i, i);
    for (uint32_t height = 0; height < temporary_heights(b); height++)
        for (uint32_t class = 0; class < 4; class ++)
            if (has_temporary(b, height, class))
                put_load(b, class_types[class], 1 + b->func->nlocals + height,
                         temporary(b, height, class_types[class]));
}

static void write_copy(struct body *b)
{
    b->depth = 0;
    if (!b->dry)
        put_loads(b);
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
        b.record = new_local(&b, TYPE_I32);
        b.target = new_local(&b, TYPE_I32);
        b.dry = true;
        write_copy(&b);
        end_first_walk(&b);
        b.states = b.func->nlocals + (uint32_t)b.extra.size;
        for (uint32_t i = 0; i < b.nstates; i++)
            new_local(&b, TYPE_I32);
        write_copy(&b);
        good = body_finish(&b, body);
    }
    body_free(&b);
    buffer_free(&code);
    return good;
}
