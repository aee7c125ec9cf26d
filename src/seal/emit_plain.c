/* emit_plain.c - what is neither control nor a call nor a local: most is copied as it is. */
#include "seal/body.h"

/* TRAP_MEMORY_BOUNDS of exec/instance.h, which is not to be seen from here. */
#define OUT_OF_BOUNDS 2

/* Takes the operands of a signature off the stack and leaves its result, of what has been written.
 */
static void apply(struct body *b, const char *signature)
{
    const char *at = signature;
    for (; *at && *at != ':'; at++)
        pop_value(b);
    if (*at == ':')
        for (at++; *at; at++)
            push_value(b, *at == 'i'   ? TYPE_I32
                          : *at == 'I' ? TYPE_I64
                          : *at == 'f' ? TYPE_F32
                                       : TYPE_F64);
}

static void memory_access(struct body *b, const struct instruction *i)
{
    uint32_t own = i->offset;
    if (b->resume && !b->dry && !b->mute && block_at(b, 0)->loops == 0 && own < ACCESS_OFFSETS) {
        put_op(b, WASM_CALL, plan_access_helper(b->plan, i->opcode, own)); /* at most once */
    } else if (own > UINT32_MAX - b->plan->memory_start) { /* beyond any memory of the guest's */
        put_i32(b, OUT_OF_BOUNDS);
        put_runtime(b, RUNTIME_trap);
        put_byte(b, WASM_UNREACHABLE);
    } else if (!b->dry && !b->mute) {
        plan_access(b->plan, b->code, i->opcode, i->align, own);
    }
    apply(b, opcode_info(i->opcode)->signature);
}

/* A call of the runtime with `count` operands that are on the stack, all i32, behind one or two
 * constants. */
static void call_runtime(struct body *b, enum runtime_function function, uint32_t nconstants,
                         uint32_t first, uint32_t second, uint32_t count, valtype result)
{
    static const valtype types[] = {TYPE_I32, TYPE_I32, TYPE_I32};
    if (nconstants)
        set_transfers(b, types, count);
    if (nconstants > 0)
        put_i32(b, first);
    if (nconstants > 1)
        put_i32(b, second);
    if (nconstants)
        get_transfers(b, types, count);
    put_runtime(b, function);
    pop_values(b, count);
    if (result)
        push_value(b, result);
}

/* Of a function: traps when the address in that local reaches beyond 4 GiB with memory_start added;
 * else leaves the sum. What lies beyond the guest's memory, which is the last, is the host's to
 * find. */
static void put_address(const struct plan *plan, struct buffer *code, uint32_t local)
{
    encode_op_u32(code, WASM_LOCAL_GET, local);
    encode_i32_const(code, UINT32_MAX - plan->memory_start);
    encode_op(code, WASM_I32_GT_U);
    encode_op(code, WASM_IF);
    buffer_put_u8(code, 0x40);
    encode_i32_const(code, OUT_OF_BOUNDS);
    encode_op_u32(code, WASM_CALL, plan->runtime[RUNTIME_trap]);
    encode_op(code, WASM_END);
    encode_op_u32(code, WASM_LOCAL_GET, local);
    encode_i32_const(code, plan->memory_start);
    encode_op(code, WASM_I32_ADD);
}

/* What takes long by itself is told to the runtime, whose clock is looked at by fuel. */
static void put_moved(const struct plan *plan, struct buffer *code, uint32_t local)
{
    enum { PAGE_BITS = 12 };
    encode_op_u32(code, WASM_LOCAL_GET, local);
    encode_i32_const(code, PAGE_BITS);
    encode_op(code, WASM_I32_SHR_U);
    encode_op(code, WASM_IF);
    buffer_put_u8(code, 0x40);
    encode_op_u32(code, WASM_LOCAL_GET, local);
    encode_op_u32(code, WASM_CALL, plan->runtime[RUNTIME_moved]);
    encode_op(code, WASM_END);
}

/* memory.copy and memory.fill as the host's own. */
static uint32_t bulk_function(struct body *b, uint32_t opcode)
{
    static const valtype types[] = {TYPE_I32, TYPE_I32, TYPE_I32};
    bool apart = b->plan->options->multi_memory;
    struct buffer code = {0};
    buffer_put_u8(&code, 0);
    put_moved(b->plan, &code, 2);
    if (apart)
        encode_op_u32(&code, WASM_LOCAL_GET, 0);
    else
        put_address(b->plan, &code, 0);
    if (opcode == WASM_MEMORY_COPY && !apart)
        put_address(b->plan, &code, 1);
    else
        encode_op_u32(&code, WASM_LOCAL_GET, 1);
    encode_op_u32(&code, WASM_LOCAL_GET, 2);
    encode_bulk(&code, opcode, apart ? GUEST_MEMORY : RUNTIME_MEMORY);
    encode_op(&code, WASM_END);
    uint32_t function =
        plan_function(b->plan, plan_type(b->plan, types, 3, NULL, 0), code.data, code.size);
    b->code->failed |= code.failed;
    buffer_free(&code);
    return function;
}

static void copy_or_fill(struct body *b, uint32_t opcode)
{
    if (b->plan->options->multi_memory || b->plan->options->bulk_memory) {
        put_op(b, WASM_CALL, bulk_function(b, opcode));
    } else {
        put_runtime(b, opcode == WASM_MEMORY_COPY ? RUNTIME_memory_copy : RUNTIME_memory_fill);
    }
    pop_values(b, 3);
}

static void memory_size(struct body *b)
{
    if (b->plan->options->multi_memory) {
        put_op(b, WASM_MEMORY_SIZE, GUEST_MEMORY);
        return;
    }
    put_op(b, WASM_MEMORY_SIZE, RUNTIME_MEMORY);
    put_i32(b, b->plan->memory_start >> 16);
    put_byte(b, WASM_I32_SUB);
}

static void memory_instruction(struct body *b, const struct instruction *i)
{
    if (moves_much(i->opcode))
        mark_loops(b, LOOP_UNWINDS);
    switch (i->opcode) {
    case WASM_MEMORY_SIZE:
        memory_size(b);
        push_value(b, TYPE_I32);
        break;
    case WASM_MEMORY_GROW: call_runtime(b, RUNTIME_memory_grow, 0, 0, 0, 1, TYPE_I32); break;
    case WASM_MEMORY_INIT: call_runtime(b, RUNTIME_memory_init, 1, i->index, 0, 3, 0); break;
    case WASM_MEMORY_COPY:
    case WASM_MEMORY_FILL: copy_or_fill(b, i->opcode); break;
    case WASM_DATA_DROP: call_runtime(b, RUNTIME_data_drop, 1, i->index, 0, 0, 0); break;
#define OPCODE(name, ...) case WASM_##name:
#define MEMORY(...)
#include "wasm/opcodes.def"
        break;
    }
}

static void table_instruction(struct body *b, const struct instruction *i)
{
    uint32_t first = i->index;
    if (moves_much(i->opcode))
        mark_loops(b, LOOP_UNWINDS);
    switch (i->opcode) {
    case WASM_ELEM_DROP: call_runtime(b, RUNTIME_elem_drop, 1, first, 0, 0, 0); break;
    case WASM_TABLE_GET:
        call_runtime(b, RUNTIME_table_get, 1, first, 0, 1, b->module->tables[first].element);
        break;
    case WASM_TABLE_SET: call_runtime(b, RUNTIME_table_set, 1, first, 0, 2, 0); break;
    case WASM_TABLE_SIZE: call_runtime(b, RUNTIME_table_size, 1, first, 0, 0, TYPE_I32); break;
    case WASM_TABLE_GROW: call_runtime(b, RUNTIME_table_grow, 1, first, 0, 2, TYPE_I32); break;
    case WASM_TABLE_FILL: call_runtime(b, RUNTIME_table_fill, 1, first, 0, 3, 0); break;
    case WASM_TABLE_INIT: /* the segment comes first */
        call_runtime(b, RUNTIME_table_init, 2, i->second, first, 3, 0);
        break;
    case WASM_TABLE_COPY: call_runtime(b, RUNTIME_table_copy, 2, first, i->second, 3, 0); break;
#define OPCODE(name, ...) case WASM_##name:
#define TABLE(...)
#include "wasm/opcodes.def"
        break;
    }
}

/* Sign extension, by shifts. */
static void extend(struct body *b, uint32_t opcode)
{
    bool wide = opcode >= WASM_I64_EXTEND8_S;
    uint32_t from = opcode == WASM_I32_EXTEND8_S || opcode == WASM_I64_EXTEND8_S     ? 8
                    : opcode == WASM_I32_EXTEND16_S || opcode == WASM_I64_EXTEND16_S ? 16
                                                                                     : 32;
    if (b->plan->options->sign_extension) {
        put_byte(b, (uint8_t)opcode);
    } else {
        for (int i = 0; i < 2; i++) {
            put_byte(b, wide ? WASM_I64_CONST : WASM_I32_CONST);
            put_s64(b, (wide ? 64 : 32) - from);
            if (wide)
                put_byte(b, i ? WASM_I64_SHR_S : WASM_I64_SHL);
            else
                put_byte(b, i ? WASM_I32_SHR_S : WASM_I32_SHL);
        }
    }
    pop_value(b);
    push_value(b, wide ? TYPE_I64 : TYPE_I32);
}

/* Saturating truncation. */

static void put_float(struct buffer *code, bool wide, double value)
{
    float narrow = (float)value;
    uint64_t bits64;
    uint32_t bits32;
    memcpy(&bits64, &value, sizeof bits64);
    memcpy(&bits32, &narrow, sizeof bits32);
    buffer_put_u8(code, wide ? WASM_F64_CONST : WASM_F32_CONST);
    if (wide)
        buffer_put_u64(code, bits64);
    else
        buffer_put_u32(code, bits32);
}

struct truncation {
    uint32_t truncate; /* the instruction that traps where this one does not */
    bool from_f64, to_i64, is_signed;
};

/* Of the function below: `if (compare) result value else`. */
static void put_case(struct buffer *code, const struct truncation *t, uint32_t compare,
                     int64_t value)
{
    buffer_put_u8(code, (uint8_t)compare);
    buffer_put_u8(code, WASM_IF);
    buffer_put_u8(code, t->to_i64 ? TYPE_I64 : TYPE_I32);
    buffer_put_u8(code, t->to_i64 ? WASM_I64_CONST : WASM_I32_CONST);
    encode_s64(code, value);
    buffer_put_u8(code, WASM_ELSE);
    buffer_put(code, (const uint8_t[]){WASM_LOCAL_GET, 0}, 2);
}

/* 0 for NaN, the nearest value for what lies outside, else the truncation. */
static uint32_t saturating_function(struct body *b, const struct truncation *t)
{
    double power = t->to_i64 ? 18446744073709551616.0 : 4294967296.0;
    int64_t lowest = !t->is_signed ? 0 : t->to_i64 ? INT64_MIN : INT32_MIN;
    int64_t highest = t->is_signed ? (t->to_i64 ? INT64_MAX : INT32_MAX) : -1;
    struct buffer code = {0};
    buffer_put(&code, (const uint8_t[]){0, WASM_LOCAL_GET, 0, WASM_LOCAL_GET, 0}, 5);
    put_case(&code, t, t->from_f64 ? WASM_F64_NE : WASM_F32_NE, 0);
    put_float(&code, t->from_f64, t->is_signed ? -power / 2 : 0);
    put_case(&code, t, t->from_f64 ? WASM_F64_LT : WASM_F32_LT, lowest);
    put_float(&code, t->from_f64, t->is_signed ? power / 2 : power);
    put_case(&code, t, t->from_f64 ? WASM_F64_GE : WASM_F32_GE, highest);
    buffer_put_u8(&code, (uint8_t)t->truncate);
    buffer_put(&code, (const uint8_t[]){WASM_END, WASM_END, WASM_END, WASM_END}, 4);
    valtype from = t->from_f64 ? TYPE_F64 : TYPE_F32, to = t->to_i64 ? TYPE_I64 : TYPE_I32;
    uint32_t type = plan_type(b->plan, &from, 1, &to, 1);
    uint32_t function = plan_function(b->plan, type, code.data, code.size);
    buffer_free(&code);
    return function;
}

static void saturate(struct body *b, uint32_t opcode, const char *signature)
{
    static const uint32_t truncations[] = {
        WASM_I32_TRUNC_F32_S, WASM_I32_TRUNC_F32_U, WASM_I32_TRUNC_F64_S, WASM_I32_TRUNC_F64_U,
        WASM_I64_TRUNC_F32_S, WASM_I64_TRUNC_F32_U, WASM_I64_TRUNC_F64_S, WASM_I64_TRUNC_F64_U};
    uint32_t which = opcode - WASM_I32_TRUNC_SAT_F32_S;
    if (b->plan->options->saturating) {
        put_byte(b, 0xFC);
        put_u32(b, which);
    } else {
        struct truncation t = {truncations[which], which & 2, which & 4, !(which & 1)};
        put_op(b, WASM_CALL, saturating_function(b, &t));
    }
    apply(b, signature);
}

/* The default: as it is. */
static void copy(struct body *b, const struct instruction *i)
{
    put_bytes(b, i->start, (size_t)(b->reader.at - i->start));
    apply(b, opcode_info(i->opcode)->signature);
}

static void select_one(struct body *b)
{
    put_byte(b, WASM_SELECT);
    pop_values(b, 2);
    push_value(b, pop_value(b));
}

/* References are function indices, UINT32_MAX for null. */
static void put_reference(struct body *b, uint32_t index, valtype type)
{
    put_i32(b, index);
    push_value(b, type);
}

static void is_null(struct body *b)
{
    put_i32(b, UINT32_MAX);
    put_byte(b, WASM_I32_EQ);
    pop_value(b);
    push_value(b, TYPE_I32);
}

static void numeric_instruction(struct body *b, const struct instruction *i)
{
    enum opcode opcode = i->opcode;
    if (opcode >= WASM_I32_EXTEND8_S && opcode <= WASM_I64_EXTEND32_S)
        extend(b, opcode);
    else if (opcode >= WASM_I32_TRUNC_SAT_F32_S && opcode <= WASM_I64_TRUNC_SAT_F64_U)
        saturate(b, opcode, opcode_info(opcode)->signature);
    else
        copy(b, i);
}

void plain_instruction(struct body *b, const struct instruction *i)
{
    switch (i->opcode) {
    case WASM_DROP:
        put_byte(b, WASM_DROP);
        pop_value(b);
        break;
    case WASM_SELECT_T:
    case WASM_SELECT: select_one(b); break;
    case WASM_GLOBAL_GET:
        put_op(b, WASM_GLOBAL_GET, b->plan->globals[i->index]);
        push_value(b, b->module->globals[i->index].type.type);
        break;
    case WASM_GLOBAL_SET:
        put_op(b, WASM_GLOBAL_SET, b->plan->globals[i->index]);
        pop_value(b);
        break;
    case WASM_REF_NULL: put_reference(b, UINT32_MAX, i->type); break;
    case WASM_REF_IS_NULL: is_null(b); break;
    case WASM_REF_FUNC: put_reference(b, i->index, TYPE_FUNCREF); break;
#define ACCESS(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        memory_access(b, i);
        break;
#define MEMORY(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        memory_instruction(b, i);
        break;
#define TABLE(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        table_instruction(b, i);
        break;
#define CONSTANT(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        copy(b, i);
        break;
#define NUMERIC(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        numeric_instruction(b, i);
        break;
    case WASM_LOCAL_GET: /* these are not for here: body.c */
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE:
#define CONTROL(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        break;
    }
}
