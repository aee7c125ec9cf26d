/* control.c - blocks, branches and calls. */
#include "base/sort.h"
#include "lower/lowering.h"

#include <stdlib.h>

static struct label *label_at(struct lowering *l, uint32_t depth)
{
    return (struct label *)(void *)l->labels.data + (label_count(l) - 1 - depth);
}

static void push_label(struct lowering *l, struct label label)
{
    label.fixups = NONE;
    if (label.opcode != WASM_IF)
        label.else_fixup = NONE;
    buffer_put(&l->labels, &label, sizeof label);
}

void visit_site(struct lowering *l, struct site site)
{
    if (!l->visit || l->stopped || l->entries.failed)
        return;
    l->places.size = l->steady * sizeof(struct operand);
    for (uint32_t i = l->steady; i < l->height; i++) {
        const struct entry *entry = entry_at(l, i);
        struct operand operand = {.type = entry->type, .place = entry->place};
        if (entry->place == OPERAND_CONST)
            operand.value = entry->bits;
        else
            operand.at = entry->place == OPERAND_LOCAL ? entry->local : slot_at(l, i);
        buffer_put(&l->places, &operand, sizeof operand);
    }
    if (l->places.failed)
        return;
    site.shared = l->steady;
    site.noperands = l->steady = l->height;
    site.operands = (const struct operand *)(void *)l->places.data;
    l->stopped = !l->visit(l->context, &site);
}

/* Branch targets. */

static void displace(struct lowering *l, uint32_t instruction, uint32_t field, uint32_t target)
{
    if (!l->code->failed)
        field32(l->code->data, field, target - instruction);
}

/* Lets the displacement at `field` lead to the label's end. */
static void fix_later(struct lowering *l, struct label *label, uint32_t instruction, uint32_t field)
{
    struct fixup fixup = {instruction, field, label->fixups};
    label->fixups = (uint32_t)(l->fixups.size / sizeof fixup);
    buffer_put(&l->fixups, &fixup, sizeof fixup);
}

static void aim(struct lowering *l, struct label *label, uint32_t instruction, uint32_t field)
{
    if (label->opcode == WASM_LOOP)
        displace(l, instruction, field, label->loop);
    else
        fix_later(l, label, instruction, field);
}

/* Here the label's end begins. */
static void bind_label(struct lowering *l, struct label *label)
{
    l->last = NONE;
    if (l->fixups.failed)
        return;
    for (uint32_t i = label->fixups; i != NONE;) {
        const struct fixup *fixup = (const struct fixup *)(void *)l->fixups.data + i;
        displace(l, fixup->instruction, fixup->field, (uint32_t)l->code->size);
        i = fixup->next;
    }
}

static uint32_t arity(const struct label *label)
{
    return label->opcode == WASM_LOOP ? label->nparams : label->nresults;
}

/* Whether a branch must move values: they are not all in the slots where the label wants them. */
static bool moves_needed(struct lowering *l, const struct label *label)
{
    uint32_t count = arity(label);
    if (count == 0 || l->entries.failed)
        return false;
    if (l->height - count != label->height || !uses(TECHNIQUE_BLOCKS))
        return true;
    for (uint32_t i = 1; i <= count; i++)
        if (entry_at(l, l->height - i)->place != OPERAND_SLOT)
            return true;
    return false;
}

/* Moves the values of a branch down to where the label wants them. A target never lies above its
 * source, so ascending order overwrites nothing that is still to be read. */
static void move_values(struct lowering *l, const struct label *label)
{
    uint32_t count = arity(label);
    if (l->entries.failed)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t from = l->height - count + i;
        move_to(l, slot_at(l, label->height + i), (struct popped){*entry_at(l, from), from});
    }
    copy_unless(l, TECHNIQUE_BLOCKS, count);
}

static void emit_return(struct lowering *l)
{
    uint32_t count = l->type->nresults;
    bool many = count > 1 || l->frame.wide;
    uint16_t result = 0;
    if (many)
        for (uint32_t i = l->height - count; i < l->height; i++)
            move_to(l, slot_at(l, i), (struct popped){*entry_at(l, i), i});
    else if (count == 1)
        result = in_register(l, (struct popped){*entry_at(l, l->height - 1), l->height - 1});
    emit_wide(l, CODE_RETURN_MANY, slot_at(l, l->height - count), count);
    uint8_t *instruction = emit(l, many         ? CODE_RETURN_MANY
                                   : count == 0 ? CODE_RETURN
                                                : CODE_RETURN_ONE);
    field16(instruction, 2, l->frame.link);
    if (count == 1)
        field16(instruction, 4, result);
    if (count > 1) {
        field16(instruction, 4, slot_at(l, l->height - count));
        field16(instruction, 6, count);
    }
}

/* An unconditional branch, with its moves. The operand stack stays as it is. */
static void emit_jump(struct lowering *l, uint32_t depth)
{
    struct label *label = label_at(l, depth);
    if (label->opcode == WASM_END) {
        if (!l->entries.failed)
            emit_return(l);
        return;
    }
    if (moves_needed(l, label))
        move_values(l, label);
    uint32_t start = (uint32_t)l->code->size;
    emit(l, label->opcode == WASM_LOOP ? CODE_BR_LOOP : CODE_BR);
    aim(l, label, start, start + 4);
}

/* Blocks. */

void enter_function(struct lowering *l)
{
    push_label(l, (struct label){.opcode = WASM_END,
                                 .results = l->type->types + l->type->nparams,
                                 .nresults = l->type->nresults});
    visit_site(l, (struct site){.kind = SITE_ENTRY, .offset = l->func->code});
}

void lower_block(struct lowering *l, const struct instruction *block)
{
    enum opcode opcode = block->opcode;
    const struct functype *type = module_blocktype(l->module, block);
    struct label label = {.opcode = (uint8_t)opcode,
                          .params = type->types,
                          .nparams = type->nparams,
                          .results = type->types + type->nparams,
                          .nresults = type->nresults};
    struct condition condition = {0};
    if (opcode == WASM_IF)
        condition = pop_condition(l);
    materialize_all(l);
    label.height = l->height - label.nparams;
    if (opcode == WASM_IF) {
        uint32_t field;
        uint32_t start = emit_branch(l, &condition, true, false, &field);
        label.else_fixup = (uint32_t)(l->fixups.size / sizeof(struct fixup));
        buffer_put(&l->fixups, &(struct fixup){start, field, NONE}, sizeof(struct fixup));
    }
    if (opcode == WASM_LOOP) {
        if (l->code->size == l->last_site) /* each site has register code of its own */
            emit(l, CODE_NOP);
        label.loop = l->last_site = (uint32_t)l->code->size;
        l->last = NONE;
        visit_site(l, (struct site){.kind = SITE_LOOP, .offset = l->offset, .code = label.loop});
    }
    push_label(l, label);
}

/* The operand stack as it is where a block's branches join: `count` values in their slots. */
static void reset_operands(struct lowering *l, const struct label *label, const valtype *types,
                           uint32_t count)
{
    while (l->height > label->height)
        pop(l);
    for (uint32_t i = 0; i < count; i++)
        push_slot(l, types[i]);
}

static void bind_else(struct lowering *l, const struct label *label)
{
    l->last = NONE;
    if (l->fixups.failed)
        return;
    const struct fixup *fixup = (const struct fixup *)(void *)l->fixups.data + label->else_fixup;
    displace(l, fixup->instruction, fixup->field, (uint32_t)l->code->size);
}

void lower_else(struct lowering *l)
{
    if (!l->unreachable)
        emit_jump(l, 0);
    struct label *label = label_at(l, 0);
    bind_else(l, label);
    label->opcode = WASM_ELSE;
    label->else_fixup = NONE;
    l->unreachable = false;
    reset_operands(l, label, label->params, label->nparams);
}

void lower_end(struct lowering *l)
{
    struct label *label = label_at(l, 0);
    if (label->opcode == WASM_END) {
        if (!l->unreachable && !l->entries.failed)
            emit_return(l);
    } else {
        if (!l->unreachable) {
            materialize_top(l, label->nresults);
            copy_unless(l, TECHNIQUE_BLOCKS, label->nresults);
        }
        bool joined = !l->unreachable || label->fixups != NONE || label->else_fixup != NONE;
        if (label->else_fixup != NONE) /* an `if` without `else`: its parameters are its results */
            bind_else(l, label);
        bind_label(l, label);
        l->unreachable = !joined;
        reset_operands(l, label, label->results, label->nresults);
    }
    l->labels.size -= sizeof *label;
}

/* Branches. */

void lower_br(struct lowering *l, uint32_t depth)
{
    emit_jump(l, depth);
    l->unreachable = true;
}

void lower_return(struct lowering *l)
{
    emit_jump(l, label_count(l) - 1);
    l->unreachable = true;
}

void lower_br_if(struct lowering *l, uint32_t depth)
{
    struct condition condition = pop_condition(l);
    struct label *label = label_at(l, depth);
    uint32_t field;
    if (label->opcode != WASM_END && !moves_needed(l, label)) {
        uint32_t start = emit_branch(l, &condition, false, label->opcode == WASM_LOOP, &field);
        aim(l, label, start, field);
    } else {
        uint32_t start = emit_branch(l, &condition, true, false, &field);
        emit_jump(l, depth);
        displace(l, start, field, (uint32_t)l->code->size);
        l->last = NONE;
    }
}

/* A target that needs moves, costs fuel or returns gets a few instructions of its own after the
 * table, once. */
static void table_target(struct lowering *l, uint32_t depth, uint32_t table, uint32_t field,
                         struct buffer *stubs)
{
    struct label *label = label_at(l, depth);
    if (label->opcode != WASM_END && label->opcode != WASM_LOOP && !moves_needed(l, label)) {
        fix_later(l, label, table, field);
        return;
    }
    uint32_t entry[2] = {depth, field};
    buffer_put(stubs, entry, sizeof entry);
}

static int by_depth(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return x[0] != y[0] ? (x[0] < y[0] ? -1 : 1) : (x[1] > y[1]) - (x[1] < y[1]);
}

void lower_br_table(struct lowering *l, const struct instruction *branch)
{
    uint16_t index = in_register(l, pop(l));
    uint32_t count = branch->count;
    const uint8_t *labels = branch->labels;
    uint32_t table = (uint32_t)l->code->size;
    uint8_t *instruction = emit(l, CODE_BR_TABLE);
    field16(instruction, 2, index);
    field32(instruction, 4, count);
    if (!buffer_extend(l->code, ((size_t)count + 1) * 4))
        return;
    struct buffer stubs = {0};
    for (uint32_t i = 0; i <= count; i++)
        table_target(l, leb_u32(&labels), table, table + 8 + i * 4, &stubs);
    size_t n = stubs.size / 8;
    if (n && !stubs.failed)
        sort(stubs.data, n, 8, by_depth);
    uint32_t code = 0, depth = NONE;
    for (size_t i = 0; i < n && !stubs.failed; i++) {
        uint32_t entry[2];
        memcpy(entry, stubs.data + i * 8, sizeof entry);
        if (entry[0] != depth) {
            depth = entry[0];
            code = (uint32_t)l->code->size;
            emit_jump(l, depth);
        }
        displace(l, table, entry[1], code);
    }
    l->code->failed |= stubs.failed;
    buffer_free(&stubs);
    l->unreachable = true;
}

/* Calls. */

static const void *function_address(const struct lowering *l, uint32_t funcidx)
{
    if (!l->binding)
        return NULL;
    return (const uint8_t *)l->binding->functions + (size_t)funcidx * l->binding->function_size;
}

/* A call goes to its code at once. */
static const void *code_address(const struct lowering *l, uint32_t funcidx)
{
    const void *code = NULL;
    if (l->binding)
        memcpy(&code, function_address(l, funcidx), sizeof code);
    return code;
}

static void push_results(struct lowering *l, const struct functype *type)
{
    for (uint32_t i = 0; i < type->nresults; i++)
        push_slot(l, type->types[type->nparams + i]);
    copy_unless(l, TECHNIQUE_RESULTS, type->nresults);
}

static void pop_count(struct lowering *l, uint32_t count)
{
    while (count--)
        pop(l);
}

void lower_call(struct lowering *l, uint32_t funcidx, bool tail)
{
    const struct functype *type = module_functype(l->module, funcidx);
    bool imported = funcidx < l->module->nimported_funcs;
    materialize_top(l, type->nparams);
    copy_unless(l, TECHNIQUE_ARGUMENTS, type->nparams);
    uint32_t base = slot_at(l, l->height - type->nparams);
    uint32_t start = (uint32_t)l->code->size;
    if (imported)
        visit_site(l, (struct site){.kind = SITE_HOST_CALL,
                                    .offset = l->offset,
                                    .code = start,
                                    .callee = funcidx,
                                    .type = l->module->funcs[funcidx].type});
    pop_count(l, type->nparams);
    if (tail && !imported) {
        emit_wide(l, CODE_RETURN_CALL, base, 0);
        uint8_t *instruction = emit(l, CODE_RETURN_CALL);
        field16(instruction, 2, base);
        field16(instruction, 4, type->nparams);
        field16(instruction, 6, l->frame.link);
        field_pointer(instruction, 8, function_address(l, funcidx));
        l->unreachable = true;
        return;
    }
    enum code code = imported ? CODE_CALL_IMPORT : CODE_CALL;
    emit_wide(l, code, base, 0);
    uint8_t *instruction = emit(l, code);
    field16(instruction, 2, base);
    field_pointer(instruction, 4,
                  imported ? function_address(l, funcidx) : code_address(l, funcidx));
    if (!imported)
        visit_site(l, (struct site){.kind = SITE_CALL,
                                    .offset = l->offset,
                                    .code = (uint32_t)l->code->size,
                                    .callee = funcidx,
                                    .type = l->module->funcs[funcidx].type});
    push_results(l, type);
    if (tail)
        lower_return(l);
}

void lower_call_indirect(struct lowering *l, uint32_t typeidx, uint32_t table, bool tail)
{
    const struct functype *type = &l->module->types[typeidx];
    const uint8_t *signature = l->binding ? l->binding->signatures + type->canonical : NULL;
    if (!l->entries.failed) {
        for (uint32_t i = l->height - 1 - type->nparams; i < l->height - 1; i++)
            materialize(l, i);
        copy_unless(l, TECHNIQUE_ARGUMENTS, type->nparams);
        if (entry_at(l, l->height - 1)->place == OPERAND_CONST)
            materialize(l, l->height - 1);
    }
    uint32_t start = (uint32_t)l->code->size;
    visit_site(l, (struct site){.kind = SITE_HOST_CALL,
                                .offset = l->offset,
                                .code = start,
                                .callee = UINT32_MAX,
                                .type = typeidx});
    uint32_t index = slot_of(l, pop(l));
    pop_count(l, type->nparams);
    uint32_t base = slot_at(l, l->height);
    enum code code = tail ? CODE_RETURN_CALL_INDIRECT : CODE_CALL_INDIRECT;
    emit_wide(l, code, base, index);
    uint8_t *instruction = emit(l, code);
    field16(instruction, 2, base);
    field16(instruction, 4, index);
    if (tail) {
        field16(instruction, 6, type->nparams);
        field16(instruction, 8, l->frame.link);
        field32(instruction, 12, table);
        field_pointer(instruction, 16, signature);
        l->unreachable = true;
        return;
    }
    field32(instruction, 8, table);
    field_pointer(instruction, 12, signature);
    visit_site(l, (struct site){.kind = SITE_CALL,
                                .offset = l->offset,
                                .code = (uint32_t)l->code->size,
                                .callee = UINT32_MAX,
                                .type = typeidx});
    push_results(l, type);
}
