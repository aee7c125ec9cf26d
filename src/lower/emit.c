/* emit.c - operands and instructions: what an operand is taken from and where a result goes. */
#include "lower/lowering.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"

uint8_t *emit(struct lowering *l, uint32_t code)
{
    static uint8_t scratch[32];
    uint32_t length = code_length(code);
    uint8_t *instruction = buffer_extend(l->code, length);
    if (!instruction)
        return scratch;
    memset(instruction, 0, length);
    field16(instruction, 0, code);
    l->last = NONE;
    return instruction;
}

void field_pointer(uint8_t *instruction, uint32_t at, const void *pointer)
{
    uintptr_t address = (uintptr_t)pointer;
    memcpy(instruction + at, &address, sizeof address);
}

static uint16_t get16(const struct lowering *l, uint32_t at)
{
    uint16_t value;
    memcpy(&value, l->code->data + at, sizeof value);
    return value;
}

static uint32_t get32(const struct lowering *l, uint32_t at)
{
    uint32_t value;
    memcpy(&value, l->code->data + at, sizeof value);
    return value;
}

/* Operands. */

void push(struct lowering *l, struct entry entry)
{
    if (l->height * sizeof entry == l->entries.size)
        buffer_extend(&l->entries, sizeof entry);
    if (l->entries.failed)
        return;
    if (entry.place == OPERAND_LOCAL)
        l->aliases[entry.local]++;
    *entry_at(l, l->height) = entry;
    l->height++;
    if (!uses(entry.place == OPERAND_LOCAL ? TECHNIQUE_LOCALS : TECHNIQUE_CONSTANTS))
        materialize(l, l->height - 1);
}

void push_constant(struct lowering *l, valtype type, uint64_t bits)
{
    push(l, (struct entry){.type = type, .place = OPERAND_CONST, .bits = bits});
}

uint32_t push_slot(struct lowering *l, valtype type)
{
    uint32_t slot = slot_at(l, l->height);
    push(l, (struct entry){.type = type, .place = OPERAND_SLOT});
    return slot;
}

struct popped pop(struct lowering *l)
{
    if (l->height == 0) /* only after memory ran out: what is lowered is thrown away */
        return (struct popped){.entry = {.place = OPERAND_CONST, .type = TYPE_I32}};
    struct popped popped = {*entry_at(l, --l->height), l->height};
    if (popped.entry.place == OPERAND_LOCAL)
        l->aliases[popped.entry.local]--;
    if (l->steady > l->height)
        l->steady = l->height;
    return popped;
}

/* Slots beyond reach. */

static void emit_wide_copy(struct lowering *l, enum code code, uint16_t near, uint32_t slot)
{
    uint8_t *instruction = emit(l, code);
    field16(instruction, 2, near);
    field32(instruction, 4, slot);
}

static uint16_t scratch(const struct lowering *l, uint32_t index)
{
    return (uint16_t)(l->frame.scratch + index * SLOT_SIZE);
}

/* What is written to `slot`, or to a register that stand_in_done copies there. */
static uint16_t stand_in(const struct lowering *l, uint32_t slot)
{
    return is_near(slot) ? (uint16_t)slot : scratch(l, SCRATCH_SLOTS - 1);
}

static void stand_in_done(struct lowering *l, uint32_t slot)
{
    if (!is_near(slot))
        emit_wide_copy(l, CODE_WIDE_PUT, stand_in(l, slot), slot);
}

/* An instruction has three operands at most. */
static uint16_t next_scratch(struct lowering *l)
{
    return scratch(l, l->scratch++ % (SCRATCH_SLOTS - 1));
}

void emit_wide(struct lowering *l, enum code which, uint32_t base, uint32_t index)
{
    if (!l->frame.wide)
        return;
    uint8_t *instruction = emit(l, CODE_WIDE);
    field16(instruction, 2, which);
    field32(instruction, 4, base);
    field32(instruction, 8, index);
    field32(instruction, 12, l->frame.link);
}

/* Moves. */

static bool is_wide(valtype type)
{
    return type == TYPE_I64 || type == TYPE_F64;
}

static void emit_constant(struct lowering *l, uint16_t to, valtype type, uint64_t bits)
{
    if (valtype_is_reference(type)) {
        field16(emit(l, CODE_REF_NULL), 2, to);
    } else if (is_wide(type)) {
        uint8_t *instruction = emit(l, CODE_CONST64);
        field16(instruction, 2, to);
        memcpy(instruction + 4, &bits, sizeof bits);
    } else {
        uint8_t *instruction = emit(l, CODE_CONST32);
        field16(instruction, 2, to);
        field32(instruction, 4, (uint32_t)bits);
    }
}

static void emit_copy(struct lowering *l, uint16_t to, uint32_t from)
{
    if (!is_near(from)) {
        emit_wide_copy(l, CODE_WIDE_GET, to, from);
        return;
    }
    uint8_t *instruction = emit(l, CODE_COPY);
    field16(instruction, 2, to);
    field16(instruction, 4, from);
}

void move_to(struct lowering *l, uint32_t to, struct popped operand)
{
    if (operand.entry.place == OPERAND_CONST)
        emit_constant(l, stand_in(l, to), operand.entry.type, operand.entry.bits);
    else if (slot_of(l, operand) != to)
        emit_copy(l, stand_in(l, to), slot_of(l, operand));
    else
        return;
    stand_in_done(l, to);
}

uint16_t in_register(struct lowering *l, struct popped operand)
{
    uint32_t slot = slot_of(l, operand);
    uint16_t reg = is_near(slot) ? (uint16_t)slot : next_scratch(l);
    if (operand.entry.place == OPERAND_CONST)
        emit_constant(l, reg, operand.entry.type, operand.entry.bits);
    else if (reg != slot)
        emit_copy(l, reg, slot);
    return reg;
}

uint16_t in_row(struct lowering *l, uint32_t count)
{
    uint32_t slot = slot_at(l, l->height);
    if (is_near(slot + count * SLOT_SIZE))
        return (uint16_t)slot;
    for (uint32_t i = 0; i < count; i++)
        emit_copy(l, scratch(l, i), slot_at(l, l->height + i));
    return scratch(l, 0);
}

void materialize(struct lowering *l, uint32_t height)
{
    struct entry *entry = entry_at(l, height);
    if (entry->place == OPERAND_SLOT)
        return;
    move_to(l, slot_at(l, height), (struct popped){*entry, height});
    if (entry->place == OPERAND_LOCAL)
        l->aliases[entry->local]--;
    entry->place = OPERAND_SLOT;
    if (l->steady > height)
        l->steady = height;
}

void materialize_top(struct lowering *l, uint32_t count)
{
    if (l->entries.failed)
        return;
    for (uint32_t i = l->height - count; i < l->height; i++)
        materialize(l, i);
}

void materialize_all(struct lowering *l)
{
    materialize_top(l, l->height);
}

void copy_top(struct lowering *l, uint32_t count)
{
    if (l->entries.failed)
        return;
    for (uint32_t i = l->height - count; i < l->height; i++)
        if (is_near(slot_at(l, i)))
            emit_copy(l, (uint16_t)slot_at(l, i), slot_at(l, i));
}

/* Whether `operand` is what the last instruction computed, so that its result can be sent
 * elsewhere or the instruction be taken back. */
static bool is_last(const struct lowering *l, struct popped operand)
{
    return l->last != NONE && operand.entry.place == OPERAND_SLOT &&
           get16(l, l->last + 2) == slot_at(l, operand.height);
}

/* The same when it is a comparison; *negated is the opposite one's code. */
static bool is_last_compare(const struct lowering *l, struct popped operand, uint32_t *negated)
{
    return is_last(l, operand) && code_is_compare(get16(l, l->last), negated);
}

void push_result(struct lowering *l, uint8_t *instruction, valtype type)
{
    uint32_t slot = push_slot(l, type);
    field16(instruction, 2, stand_in(l, slot));
    if (!is_near(slot))
        stand_in_done(l, slot);
    else if (!l->code->failed)
        l->last = (uint32_t)(instruction - l->code->data);
}

void push_from(struct lowering *l, uint16_t from, valtype type)
{
    uint32_t slot = push_slot(l, type);
    if (slot != from)
        emit_wide_copy(l, CODE_WIDE_PUT, from, slot);
}

/* Locals. */

void lower_local_get(struct lowering *l, uint32_t local)
{
    push(l, (struct entry){.type = l->local_types[local], .place = OPERAND_LOCAL, .local = local});
}

/* Before a local changes: entries that stand for its value get the old one. */
static void detach(struct lowering *l, uint32_t local)
{
    for (uint32_t i = l->height; l->aliases[local] && i-- > 0;) {
        struct entry *entry = entry_at(l, i);
        if (entry->place == OPERAND_LOCAL && entry->local == local)
            materialize(l, i);
    }
}

void lower_local_set(struct lowering *l, uint32_t local, bool tee)
{
    struct popped value = pop(l);
    uint32_t slot = frame_local(&l->frame, local);
    bool same = value.entry.place == OPERAND_LOCAL && value.entry.local == local;
    if (!same) {
        detach(l, local);
        if (uses(TECHNIQUE_DESTINATIONS) && is_near(slot) && is_last(l, value)) {
            field16(l->code->data + l->last, 2, slot);
            l->last = NONE;
            value.entry.place = OPERAND_LOCAL;
            value.entry.local = local;
        } else {
            move_to(l, slot, value);
        }
    }
    if (tee)
        push(l, value.entry);
}

/* Arithmetic. */

static bool fits_constant(struct entry entry)
{
    return entry.place == OPERAND_CONST &&
           (entry.type == TYPE_I32 ||
            (entry.type == TYPE_I64 && (int64_t)entry.bits == (int32_t)entry.bits));
}

/* Emits A := a op b with b a register or a constant. */
static void emit_binary(struct lowering *l, uint32_t rr, struct popped a, struct popped b,
                        bool constant, valtype result)
{
    uint16_t ra = in_register(l, a);
    uint16_t rb = constant ? 0 : in_register(l, b);
    uint8_t *instruction = emit(l, constant ? rr + 1 : rr);
    field16(instruction, 4, ra);
    if (constant)
        field32(instruction, 8, (uint32_t)b.entry.bits);
    else
        field16(instruction, 6, rb);
    push_result(l, instruction, result);
}

void lower_binary(struct lowering *l, uint32_t rr, bool has_rk, bool commutes, valtype result)
{
    struct popped b = pop(l), a = pop(l);
    if (commutes && fits_constant(a.entry) && !fits_constant(b.entry)) {
        struct popped swap = a;
        a = b;
        b = swap;
    }
    emit_binary(l, rr, a, b, has_rk && fits_constant(b.entry), result);
}

void lower_compare(struct lowering *l, uint32_t rr, uint32_t swapped_rr, bool has_rk)
{
    struct popped b = pop(l), a = pop(l);
    if (has_rk && fits_constant(a.entry) && !fits_constant(b.entry))
        emit_binary(l, swapped_rr, b, a, true, TYPE_I32);
    else
        emit_binary(l, rr, a, b, has_rk && fits_constant(b.entry), TYPE_I32);
}

void lower_unary(struct lowering *l, uint32_t code, valtype result)
{
    uint16_t ra = in_register(l, pop(l));
    uint8_t *instruction = emit(l, code);
    field16(instruction, 4, ra);
    push_result(l, instruction, result);
}

void lower_wrap(struct lowering *l)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (uses(TECHNIQUE_WRAP)) {
        struct entry entry = pop(l).entry;
        entry.type = TYPE_I32;
        entry.bits = (uint32_t)entry.bits;
        push(l, entry);
        return;
    }
#endif
    lower_unary(l, CODE_I32_WRAP_I64, TYPE_I32);
}

void lower_eqz(struct lowering *l, bool is_64)
{
    struct popped operand = pop(l);
    uint32_t negated;
    if (uses(TECHNIQUE_NEGATION) && !is_64 && is_last_compare(l, operand, &negated)) {
        field16(l->code->data + l->last, 0, negated);
        push(l, operand.entry);
        return;
    }
    struct popped zero = {{.type = TYPE_I32, .place = OPERAND_CONST}, 0};
    emit_binary(l, is_64 ? CODE_I64_EQ_RR : CODE_I32_EQ_RR, operand, zero, true, TYPE_I32);
}

/* Memory. */

/* How many bytes a load or store accesses. */
static uint32_t access_size(uint32_t code)
{
    enum { SIZE_u8 = 1, SIZE_u16 = 2, SIZE_u32 = 4, SIZE_u64 = 8 };
    switch (code) {
#define LOAD(name, in, out, value) \
    case CODE_##name: return SIZE_##in;
#define STORE(name, in, out) \
    case CODE_##name: return SIZE_##out;
#include "lower/code.def"
    default: return 0;
    }
}

/* Whether address + end is known and fits the _ABS form. */
static bool is_absolute(struct popped address, uint64_t end)
{
    return uses(TECHNIQUE_ADDRESSES) && address.entry.place == OPERAND_CONST &&
           (uint32_t)address.entry.bits + end <= UINT32_MAX;
}

/* The near, far or absolute form of a load or store, but for the result's or value's register. */
static uint8_t *emit_access(struct lowering *l, uint32_t code, struct popped address,
                            uint32_t offset, uint32_t address_field)
{
    uint64_t end = (uint64_t)offset + access_size(code);
    if (is_absolute(address, end)) {
        uint8_t *instruction = emit(l, code + 2);
        field32(instruction, 4, (uint32_t)(address.entry.bits + end));
        return instruction;
    }
    uint16_t ra = in_register(l, address);
    bool far = end > UINT16_MAX || !uses(TECHNIQUE_OFFSETS);
    uint8_t *instruction = emit(l, far ? code + 1 : code);
    field16(instruction, address_field, ra);
    if (far)
        field32(instruction, 8, offset);
    else
        field16(instruction, 6, (uint16_t)end);
    return instruction;
}

void lower_load(struct lowering *l, uint32_t code, uint32_t offset, valtype result)
{
    push_result(l, emit_access(l, code, pop(l), offset, 4), result);
}

void lower_store(struct lowering *l, uint32_t code, uint32_t offset)
{
    struct popped value = pop(l), address = pop(l);
    uint16_t rv = in_register(l, value);
    bool absolute = is_absolute(address, (uint64_t)offset + access_size(code));
    uint8_t *instruction = emit_access(l, code, address, offset, 2);
    field16(instruction, absolute ? 2 : 4, rv);
}

/* Conditions. */

bool code_is_compare(uint32_t code, uint32_t *negated)
{
    switch (code) {
#define COMPARE(name, type, value, opposite, swapped)                    \
    case CODE_##name##_RR: *negated = CODE_##opposite##_RR; return true; \
    case CODE_##name##_RK: *negated = CODE_##opposite##_RK; return true;
#define COMPARE_FLOAT(name, type, value, opposite) \
    case CODE_##name##_RR: *negated = CODE_##opposite##_RR; return true;
#include "lower/code.def"
    default: return false;
    }
}

/* For a comparison's code: its branch form, and whether it takes a constant. */
static uint32_t branch_code(uint32_t code, bool loop, bool *constant)
{
    *constant = false;
    switch (code) {
#define COMPARE(name, ...)                                                            \
    case CODE_##name##_RR: return loop ? CODE_##name##_LOOP_RR : CODE_##name##_BR_RR; \
    case CODE_##name##_RK:                                                            \
        *constant = true;                                                             \
        return loop ? CODE_##name##_LOOP_RK : CODE_##name##_BR_RK;
#define COMPARE_FLOAT(name, ...) \
    case CODE_##name##_RR: return loop ? CODE_##name##_LOOP_RR : CODE_##name##_BR_RR;
#include "lower/code.def"
    case CODE_BR_IF: return loop ? CODE_BR_IF_LOOP : CODE_BR_IF;
    default: return loop ? CODE_BR_UNLESS_LOOP : CODE_BR_UNLESS;
    }
}

struct condition pop_condition(struct lowering *l)
{
    struct popped operand = pop(l);
    struct condition condition = {.code = CODE_BR_IF, .negated = CODE_BR_UNLESS};
    uint32_t negated;
    if (uses(TECHNIQUE_BRANCHES) && is_last_compare(l, operand, &negated)) {
        condition.code = get16(l, l->last);
        condition.negated = negated;
        condition.a = get16(l, l->last + 4);
        if (code_length(condition.code) == 12)
            condition.constant = get32(l, l->last + 8);
        else
            condition.b = get16(l, l->last + 6);
        l->code->size = l->last;
        l->last = NONE;
    } else {
        condition.a = in_register(l, operand);
    }
    return condition;
}

uint32_t emit_branch(struct lowering *l, const struct condition *condition, bool opposite,
                     bool loop, uint32_t *field)
{
    uint32_t start = (uint32_t)l->code->size;
    bool constant;
    uint32_t code = branch_code(opposite ? condition->negated : condition->code, loop, &constant);
    bool plain = condition->code == CODE_BR_IF;
    uint8_t *instruction = emit(l, code);
    field16(instruction, 2, condition->a);
    if (constant)
        field32(instruction, 4, condition->constant);
    else if (!plain)
        field16(instruction, 4, condition->b);
    *field = start + (plain ? 4 : 8);
    return start;
}
