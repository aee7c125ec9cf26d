/* body.c - the walk over a function, its operands and the locals of the copy. */
#include "seal/body.h"

#include <stdlib.h>
#include <string.h>

#include "lower/code.h"

/* Writing. */

static bool writes(const struct body *b)
{
    return !b->dry && !b->mute;
}

void put_byte(struct body *b, uint8_t byte)
{
    if (writes(b))
        encode_op(b->code, byte);
}

void put_bytes(struct body *b, const uint8_t *bytes, size_t size)
{
    if (writes(b))
        buffer_put(b->code, bytes, size);
}

void put_u32(struct body *b, uint32_t value)
{
    if (writes(b))
        encode_u32(b->code, value);
}

void put_s64(struct body *b, int64_t value)
{
    if (writes(b))
        encode_s64(b->code, value);
}

void put_zero(struct body *b, valtype type)
{
    static const uint8_t zeros[8] = {0};
    switch (type) {
    case TYPE_I64:
        put_byte(b, WASM_I64_CONST);
        put_byte(b, 0);
        break;
    case TYPE_F32:
        put_byte(b, WASM_F32_CONST);
        put_bytes(b, zeros, 4);
        break;
    case TYPE_F64:
        put_byte(b, WASM_F64_CONST);
        put_bytes(b, zeros, 8);
        break;
    default: put_i32(b, 0);
    }
}

static void put_memory(struct body *b, uint32_t opcode, uint32_t offset)
{
    put_op(b, opcode,
           opcode == WASM_I64_LOAD || opcode == WASM_F64_LOAD || opcode == WASM_I64_STORE ||
                   opcode == WASM_F64_STORE
               ? 3
               : 2);
    put_u32(b, offset);
}

void put_slot_load(struct body *b, valtype type, uint32_t offset)
{
    put_memory(b, load_opcode(type), offset);
}

void put_slot_store(struct body *b, valtype type, uint32_t offset)
{
    put_memory(b, store_opcode(type), offset);
}

void open_block(struct body *b, uint32_t opcode, valtype result)
{
    put_byte(b, (uint8_t)opcode);
    put_byte(b, result == 0 ? 0x40 : valtype_is_reference(result) ? TYPE_I32 : result);
    b->depth++;
}

void close_block(struct body *b)
{
    put_byte(b, WASM_END);
    b->depth--;
}

/* Locals. */

static const valtype class_types[] = {TYPE_I32, TYPE_I64, TYPE_F32, TYPE_F64};

uint32_t new_local(struct body *b, valtype type)
{
    buffer_put_u8(&b->extra, class_types[type_class(type)]);
    return b->func->nlocals + (uint32_t)b->extra.size - 1;
}

static uint32_t local_in(struct body *b, uint32_t *entry, valtype type)
{
    if (*entry == 0)
        *entry = new_local(b, type) + 1;
    return *entry - 1;
}

/* The local of that index and type in a table that grows. */
static uint32_t table_local(struct body *b, struct buffer *table, uint32_t index, valtype type)
{
    size_t size = ((size_t)index + 1) * 4 * sizeof(uint32_t);
    if (table->size < size) {
        size_t more = size - table->size;
        uint8_t *fresh = buffer_extend(table, more);
        if (!fresh)
            return 0;
        memset(fresh, 0, more);
    }
    return local_in(b, (uint32_t *)(void *)table->data + (size_t)index * 4 + type_class(type),
                    type);
}

uint32_t scratch(struct body *b, valtype type)
{
    return local_in(b, &b->scratch[type_class(type)], type);
}

uint32_t temporary(struct body *b, uint32_t height, valtype type)
{
    return table_local(b, &b->temps, height, type);
}

uint32_t transfer(struct body *b, uint32_t index, valtype type)
{
    return table_local(b, &b->transfers, index, type);
}

uint32_t temporary_heights(const struct body *b)
{
    return (uint32_t)(b->temps.size / sizeof(uint32_t) / 4);
}

bool has_temporary(const struct body *b, uint32_t height, uint32_t class)
{
    uint32_t local;
    memcpy(&local, b->temps.data + ((size_t)height * 4 + class) * sizeof local, sizeof local);
    return local != 0;
}

uint32_t called_result(struct body *b, valtype type)
{
    return local_in(b, &b->results[type_class(type)], type);
}

void set_transfers(struct body *b, const valtype *types, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;)
        put_op(b, WASM_LOCAL_SET, transfer(b, i, types[i]));
}

void get_transfers(struct body *b, const valtype *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        put_op(b, WASM_LOCAL_GET, transfer(b, i, types[i]));
}

/* Operands. */

void push_value(struct body *b, valtype type)
{
    struct value value = {b->nvalues++, type};
    if (b->height * sizeof value == b->stack.size)
        buffer_extend(&b->stack, sizeof value);
    if (b->dry)
        buffer_put_u8(&b->marks, 0);
    if (b->stack.failed || b->marks.failed)
        return;
    *value_at(b, b->height) = value;
    if (b->marks.data[value.number])
        put_op(b, WASM_LOCAL_TEE, temporary(b, b->height, type));
    b->height++;
}

valtype pop_value(struct body *b)
{
    if (b->height == 0) /* only after memory ran out */
        return TYPE_I32;
    return value_at(b, --b->height)->type;
}

void pop_values(struct body *b, uint32_t count)
{
    while (count--)
        pop_value(b);
}

void mark_operands(struct body *b, uint32_t site)
{
    const struct sealed_site *at = site_at(&b->sites, site);
    if (!b->dry || b->marks.failed || b->stack.failed)
        return;
    for (uint32_t i = 0; i < at->noperands; i++) {
        const struct operand *operand = site_operand(&b->sites, at, i);
        if (operand->place != OPERAND_SLOT)
            continue;
        b->marks.data[value_at(b, i)->number] = 1;
        temporary(b, i, operand->type);
    }
}

uint32_t take_site(struct body *b, enum site_kind kind)
{
    uint32_t index = b->next_site;
    const struct sealed_site *site =
        index < sites_count(&b->sites) ? site_at(&b->sites, index) : NULL;
    if (!site || site->kind != kind || site->noperands != b->height ||
        (kind != SITE_ENTRY && site->offset != b->offset)) {
        if (!b->stack.failed)
            refuse_body(b, "the sites of the function are not where they should be");
        return 0;
    }
    b->next_site++;
    return index;
}

void refuse_body(struct body *b, const char *what)
{
    if (!b->refused)
        error_set_at(b->error, ERROR_UNSUPPORTED, b->offset, "%s", what);
    b->refused = true;
}

/* The walk. */

static void local_instruction(struct body *b, const struct instruction *i)
{
    if (i->opcode != WASM_LOCAL_GET)
        note_constant(b, i->index, b->after_constant, b->constant);
    if (i->opcode != WASM_LOCAL_GET)
        pop_value(b);
    put_op(b, i->opcode, i->index);
    if (i->opcode != WASM_LOCAL_SET)
        push_value(b, b->local_types[i->index]);
}

static void step(struct body *b, const struct instruction *i)
{
    switch (i->opcode) {
    case WASM_UNREACHABLE:
        put_byte(b, WASM_UNREACHABLE);
        b->unreachable = true;
        break;
    case WASM_NOP: break;
    case WASM_BLOCK:
    case WASM_LOOP:
    case WASM_IF: control_block(b, i); break;
    case WASM_ELSE: control_else(b); break;
    case WASM_END: control_end(b); break;
    case WASM_BR: control_br(b, i->index); break;
    case WASM_RETURN: control_br(b, block_count(b) - 1); break;
    case WASM_BR_IF: control_br_if(b, i->index); break;
    case WASM_BR_TABLE: control_br_table(b, i); break;
    case WASM_CALL: call_direct(b, i->index); break;
    case WASM_CALL_INDIRECT: call_indirect(b, i->index, i->second); break;
    case WASM_RETURN_CALL: tail_call_direct(b, i->index); break;
    case WASM_RETURN_CALL_INDIRECT: tail_call_indirect(b, i->index, i->second); break;
    case WASM_LOCAL_GET:
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE: local_instruction(b, i); break;
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET:
#define OPCODE(name, ...) case WASM_##name:
#define CONTROL(...)
#define VARIABLE(...)
#include "wasm/opcodes.def"
        plain_instruction(b, i);
        break;
    }
    b->after_constant = i->opcode == WASM_I32_CONST;
    if (b->after_constant)
        b->constant = (uint32_t)i->bits;
}

static bool out_of_memory(const struct body *b)
{
    return b->code->failed || b->stack.failed || b->blocks.failed || b->marks.failed ||
           b->extra.failed || b->temps.failed || b->transfers.failed || b->loops.failed ||
           b->sequences.failed || b->entries.failed || b->hoists.failed;
}

void body_walk(struct body *b)
{
    struct instruction i;
    b->reader = walk_body(b->module, b->func);
    b->height = b->nvalues = b->next_site = b->next_loop = 0;
    b->next_sequence = b->next_hoist = b->nlandings = 0;
    b->unreachable = b->mute = false;
    b->blocks.size = 0;
    b->nlabels = 1;
    memset(b->constants, 0, b->func->nlocals * sizeof *b->constants);
    begin_function(b);
    while (block_count(b) && !b->refused && !out_of_memory(b)) {
        if (b->unreachable)
            walk_unreachable(&b->reader);
        b->offset = (uint32_t)(b->reader.at - b->module->bytes);
        if (!walk_next(&b->reader, &i))
            break;
        step(b, &i);
    }
}

static void find_ever_live(struct body *b)
{
    size_t count = b->sites.sets.size / sizeof(uint64_t);
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, b->sites.sets.data + i * sizeof word, sizeof word);
        b->ever_live[i % b->sites.words] |= word;
    }
}

/* With as many locals as hosts take in a function there is no room for those that the copy adds. Then
 * those that the guest never names have one number for each type. */
#define LOCALS_HOSTS 50000u
#define LOCALS_MANY  (LOCALS_HOSTS - 1000)

static void find_named(const struct body *b, bool *named)
{
    struct reader reader = walk_body(b->module, b->func);
    struct instruction i;
    while (reader.at != reader.end && walk_next(&reader, &i))
        if (names_local(i.opcode))
            named[i.index] = true;
}

static bool number_locals(struct body *b)
{
    uint32_t count = b->func->nlocals, unnamed[4] = {NONE, NONE, NONE, NONE};
    if (count <= LOCALS_MANY)
        return true;
    bool *named = calloc(count, sizeof *named);
    b->numbers = malloc(count * sizeof *b->numbers);
    for (uint32_t i = 0; named && b->numbers && i < count; i++) {
        if (i == 0)
            find_named(b, named);
        uint32_t *shared = &unnamed[type_class(b->local_types[i])];
        bool apart = named[i] || i < b->type->nparams;
        if (apart || *shared == NONE)
            b->numbers[i] = b->nnumbers++;
        else
            b->numbers[i] = *shared;
        if (!apart)
            *shared = b->numbers[i];
    }
    bool good = named && b->numbers;
    free(named);
    return good;
}

bool body_start(struct body *b, struct plan *plan, const struct analysis *analysis,
                uint32_t funcidx, struct error *error)
{
    const struct module *module = plan->guest;
    b->plan = plan;
    b->analysis = analysis;
    b->module = module;
    b->func = &module->funcs[funcidx];
    b->type = module_functype(module, funcidx);
    b->funcidx = funcidx;
    b->error = error;
    if (!plan_sites(plan, funcidx, &b->sites, error))
        return false;
    b->local_types = malloc((size_t)b->func->nlocals + 1);
    b->used = calloc(sites_count(&b->sites) + (size_t)1, sizeof *b->used);
    b->ever_live = calloc(b->sites.words, sizeof *b->ever_live);
    b->constants = calloc(b->func->nlocals + (size_t)1, sizeof *b->constants);
    if (!b->local_types || !b->used || !b->ever_live || !b->constants)
        return error_set(error, ERROR_MEMORY, "no memory to seal function %u", funcidx);
    lower_local_types(module, funcidx, b->local_types);
    find_ever_live(b);
    return number_locals(b) ||
           error_set(error, ERROR_MEMORY, "no memory to seal function %u", funcidx);
}

void body_free(struct body *b)
{
    buffer_free(&b->stack);
    buffer_free(&b->blocks);
    buffer_free(&b->marks);
    buffer_free(&b->extra);
    buffer_free(&b->temps);
    buffer_free(&b->transfers);
    buffer_free(&b->loops);
    buffer_free(&b->sequences);
    buffer_free(&b->entries);
    buffer_free(&b->hoists);
    free(b->local_types);
    free(b->numbers);
    free(b->used);
    free(b->ever_live);
    free(b->constants);
}

/* Local declarations are runs of equal types. */
static void declare(struct buffer *runs, uint32_t *nruns, const valtype *types, size_t count)
{
    for (size_t i = 0, run; i < count; i += run) {
        uint32_t class = type_class(types[i]);
        for (run = 1; i + run < count && type_class(types[i + run]) == class;)
            run++;
        encode_u32(runs, (uint32_t)run);
        buffer_put_u8(runs, class_types[class]);
        ++*nruns;
    }
}

bool body_finish(struct body *b, struct buffer *body)
{
    struct buffer runs = {0};
    uint32_t nruns = 0, skip = b->resume ? 0 : b->type->nparams;
    uint32_t nlocals = local_number(b, b->func->nlocals);
    for (uint32_t i = 0; b->numbers && i < b->func->nlocals; i++)
        b->local_types[b->numbers[i]] = b->local_types[i];
    if (nlocals + b->extra.size > LOCALS_HOSTS)
        refuse_body(b,
                    "the module cannot be sealed: a function would have more than 50,000 locals, "
                    "which no host takes (the interpreter runs it)");
    declare(&runs, &nruns, b->local_types + skip, nlocals - skip);
    declare(&runs, &nruns, b->extra.data, b->extra.size);
    bool good = !b->refused && !out_of_memory(b) && !runs.failed;
    if (good) {
        encode_u32(body, nruns);
        buffer_put(body, runs.data, runs.size);
        buffer_put(body, b->code->data, b->code->size);
    }
    buffer_free(&runs);
    if (good && !body->failed)
        return true;
    return b->refused
               ? false
               : error_set(b->error, ERROR_MEMORY, "no memory to seal function %u", b->funcidx);
}
