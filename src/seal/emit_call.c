/* emit_call.c - calls, with their sites.
 *
 * A resume copy is entered behind a call, whose callee's frame has gone on before and has returned:
 *
 *     ... arguments, call hot, check, local.set result  end (landing)  local.get result
 *
 * At a host call it is entered before the call, which is then made as usual.
 *
 * Who has made a tail call has no frame any more: the host's own tail call is made. So the frame of
 * any function with such results may have returned. */
#include "seal/body.h"

/* At the site of a host call that can stop. */
static void at_host_call(struct body *b, uint32_t site)
{
    mark_operands(b, site);
    land_at(b, ENTRY_HOST_CALL, site);
}

/* At the site of a call, before it is written. */
static void at_call(struct body *b, uint32_t site, bool unwinds, bool takes_long)
{
    mark_loops(b, LOOP_COMPLEX);
    if (unwinds || takes_long)
        mark_loops(b, LOOP_UNWINDS);
    if (b->resume || unwinds)
        mark_operands(b, site);
}

/* The results come onto the stack. */
static void push_results(struct body *b, const struct functype *type)
{
    const valtype *types = type->types + type->nparams;
    for (uint32_t i = 0; i < type->nresults; i++) {
        if (type->nresults > 1) {
            put_i32(b, b->plan->values);
            put_slot_load(b, types[i], i * 8);
        }
        push_value(b, types[i]);
    }
}

static void call_host(struct body *b, uint32_t funcidx)
{
    const struct functype *type = module_functype(b->module, funcidx);
    uint32_t site = take_site(b, SITE_HOST_CALL);
    bool stops = analysis_can_unwind(b->analysis, funcidx);
    if (stops)
        at_host_call(b, site);
    mark_loops(b, LOOP_COMPLEX);
    mark_loops(b, LOOP_UNWINDS);
    pop_values(b, type->nparams);
    put_op(b, WASM_CALL, b->plan->hot[funcidx]);
    if (stops)
        put_check(b, site);
    push_results(b, type);
}

void call_direct(struct body *b, uint32_t funcidx)
{
    if (funcidx < b->module->nimported_funcs) {
        call_host(b, funcidx);
        return;
    }
    const struct functype *type = module_functype(b->module, funcidx);
    bool unwinds = analysis_can_unwind(b->analysis, funcidx);
    pop_values(b, type->nparams);
    uint32_t site = take_site(b, SITE_CALL);
    at_call(b, site, unwinds, analysis_takes_long(b->analysis, funcidx));
    if (funcidx == b->funcidx)
        note_recursion(b);
    put_op(b, WASM_CALL, b->plan->hot[funcidx]);
    if (unwinds)
        put_check(b, site);
    land_behind_call(b, site, type);
    push_results(b, type);
}

/* From an index of the guest's fixed table to one of the sealed module, by a local. */
static void encode_index(struct buffer *code, const struct plan *plan, uint32_t local)
{
    encode_op_u32(code, WASM_LOCAL_TEE, local);
    encode_i32_const(code, plan->fixed_table);
    encode_op(code, WASM_I32_ADD);
    encode_i32_const(code, plan->table_base - 1);
    encode_op_u32(code, WASM_LOCAL_GET, local);
    encode_i32_const(code, plan->fixed_table_size);
    encode_op(code, WASM_I32_LT_U);
    encode_op(code, WASM_SELECT);
}

/* The same as a function, for a resume copy. */
static uint32_t index_function(struct body *b)
{
    static const valtype type = TYPE_I32;
    struct buffer code = {0};
    buffer_put(&code, (const uint8_t[]){0, WASM_LOCAL_GET, 0}, 3);
    encode_index(&code, b->plan, 0);
    encode_op(&code, WASM_END);
    uint32_t function =
        plan_function(b->plan, plan_type(b->plan, &type, 1, &type, 1), code.data, code.size);
    b->code->failed |= code.failed;
    buffer_free(&code);
    return function;
}

/* From the guest's table index to one of the sealed module. */
static void put_table_index(struct body *b, uint32_t typeidx, uint32_t table)
{
    uint32_t index = scratch(b, TYPE_I32);
    if (table == 0 && b->plan->table_is_fixed && plan_type_is_checked(b->plan, typeidx)) {
        if (b->dry || b->mute)
            return;
        if (b->resume)
            put_op(b, WASM_CALL, index_function(b));
        else
            encode_index(b->code, b->plan, local_number(b, index));
        return;
    }
    put_op(b, WASM_LOCAL_SET, index);
    put_i32(b, table);
    put_op(b, WASM_LOCAL_GET, index);
    put_i32(b, typeidx);
    put_runtime(b, RUNTIME_table_callee);
    put_i32(b, b->plan->table_base);
    put_byte(b, WASM_I32_ADD);
}

void call_indirect(struct body *b, uint32_t typeidx, uint32_t table)
{
    const struct functype *type = &b->module->types[typeidx];
    bool unwinds = analysis_indirect_can_unwind(b->analysis, typeidx);
    bool stops = analysis_indirect_can_stop(b->analysis, typeidx);
    uint32_t host_site = take_site(b, SITE_HOST_CALL);
    if (stops)
        at_host_call(b, host_site);
    pop_values(b, type->nparams + 1);
    uint32_t site = take_site(b, SITE_CALL);
    at_call(b, site, unwinds, analysis_indirect_takes_long(b->analysis, typeidx));
    put_table_index(b, typeidx, table);
    put_op(b, WASM_CALL_INDIRECT, plan_functype(b->plan, typeidx));
    put_u32(b, 0);
    if (stops)
        put_check_indirect(b, site);
    else if (unwinds)
        put_check(b, site);
    land_behind_call(b, site, type);
    push_results(b, type);
}

/* Of an imported function: a call, then a return. */
void tail_call_direct(struct body *b, uint32_t funcidx)
{
    if (funcidx < b->module->nimported_funcs) {
        call_host(b, funcidx);
        control_br(b, block_count(b) - 1);
        return;
    }
    mark_loops(b, LOOP_COMPLEX);
    pop_values(b, module_functype(b->module, funcidx)->nparams);
    settle_rounds(b);
    put_op(b, WASM_RETURN_CALL, b->plan->hot[funcidx]);
    b->unreachable = true;
}

/* Where it may call an imported function that stops, the frame has to stay until that is known. A
 * guest's function that has unwound has its own frame; then this one only returns. */
void tail_call_indirect(struct body *b, uint32_t typeidx, uint32_t table)
{
    const struct functype *type = &b->module->types[typeidx];
    bool stops = analysis_indirect_can_stop(b->analysis, typeidx);
    uint32_t site = take_site(b, SITE_HOST_CALL);
    if (stops) {
        mark_loops(b, LOOP_UNWINDS);
        at_host_call(b, site);
    }
    mark_loops(b, LOOP_COMPLEX);
    pop_values(b, type->nparams + 1);
    put_table_index(b, typeidx, table);
    if (!stops)
        settle_rounds(b);
    put_op(b, stops ? WASM_CALL_INDIRECT : WASM_RETURN_CALL_INDIRECT,
           plan_functype(b->plan, typeidx));
    put_u32(b, 0);
    if (!stops) {
        b->unreachable = true;
        return;
    }
    put_check_host(b, site);
    push_results(b, type);
    control_br(b, block_count(b) - 1);
}
