/* call.c - calls, with their sites.
 *
 * A resume copy enters at a call that had not returned: it calls the callee's resume copy, which
 * takes its arguments from its own frame, and joins the usual way behind the call:
 *
 *     block join  block entry  ... arguments, call hot, br join  end  call resume  end
 *
 * At a host call it enters before the call, which is then made as usual.
 *
 * Who has made a tail call has no frame any more: the host's own tail call is made. So behind a
 * call the frame of any function may follow that has such results, and its resume copy is called by
 * its number. */
#include "seal/body.h"

/* At the site of a host call that can stop. */
static void at_host_call(struct body *b, uint32_t site)
{
    mark_operands(b, site);
    if (!b->resume)
        return;
    add_entry(b, (struct entry){
                     .kind = ENTRY_HOST_CALL, .offset = b->offset, .low = site, .high = site + 1});
    if (!next_entry(b, ENTRY_HOST_CALL))
        return;
    drop_operands(b, b->height);
    land(b);
    arrive(b);
    put_operands(b, site, b->height);
}

/* At the site of a call, before it is written. */
static void at_call(struct body *b, uint32_t site, bool unwinds, const struct functype *type)
{
    mark_loops(b, LOOP_COMPLEX);
    if (unwinds)
        mark_loops(b, LOOP_UNWINDS);
    if (b->resume || unwinds)
        mark_operands(b, site);
    bool alone = b->height == block_at(b, 0)->height && type->nresults == 1;
    if (b->resume)
        add_entry(b, (struct entry){.kind = ENTRY_CALL,
                                    .offset = b->offset,
                                    .low = site,
                                    .high = site + 1,
                                    .result = alone ? type->types[type->nparams] : 0});
}

/* The result of a call with operands below it travels past their return to the stack. */
static void keep_result(struct body *b, const struct entry *entry, const struct functype *type)
{
    if (type->nresults == 1 && !entry->result)
        put_op(b, WASM_LOCAL_SET, transfer(b, 0, type->types[type->nparams]));
}

/* Behind the usual call, in a resume copy: the call of the resume copy. */
static const struct entry *resume_call(struct body *b, uint32_t funcidx, uint32_t typeidx)
{
    const struct functype *type = &b->module->types[typeidx];
    const struct entry *entry = next_entry(b, ENTRY_CALL);
    if (!entry)
        return NULL;
    keep_result(b, entry, type);
    put_branch(b, WASM_BR, entry->target - 1);
    land(b);
    arrive(b);
    if (funcidx != NONE && !b->module->has_tail_calls) {
        put_op(b, WASM_CALL, b->plan->resume[funcidx]);
    } else {
        put_runtime(b, RUNTIME_next_function);
        put_i32(b, b->plan->resume_base);
        put_byte(b, WASM_I32_ADD);
        put_op(b, WASM_CALL_INDIRECT, plan_resume_type(b->plan, typeidx));
        put_u32(b, 0);
    }
    keep_result(b, entry, type);
    close_block(b);
    return entry;
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

/* The same behind a call that a resume copy may have entered: `entry`, or NULL. */
static void return_operands(struct body *b, uint32_t site, const struct entry *entry,
                            const struct functype *type)
{
    if (entry) {
        put_operands(b, site, b->height);
        if (type->nresults == 1 && !entry->result)
            get_transfers(b, type->types + type->nparams, 1);
    }
    push_results(b, type);
}

static void call_host(struct body *b, uint32_t funcidx)
{
    const struct functype *type = module_functype(b->module, funcidx);
    uint32_t site = take_site(b, SITE_HOST_CALL);
    bool stops = analysis_can_unwind(b->analysis, funcidx);
    if (stops) {
        mark_loops(b, LOOP_UNWINDS);
        at_host_call(b, site);
    }
    mark_loops(b, LOOP_COMPLEX);
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
    at_call(b, site, unwinds, type);
    if (funcidx == b->funcidx)
        note_recursion(b);
    put_op(b, WASM_CALL, b->plan->hot[funcidx]);
    const struct entry *entry = resume_call(b, funcidx, b->module->funcs[funcidx].type);
    if (unwinds)
        put_check(b, site);
    return_operands(b, site, entry, type);
}

/* From the guest's table index to one of the sealed module. */
static void put_table_index(struct body *b, uint32_t typeidx, uint32_t table)
{
    uint32_t index = scratch(b, TYPE_I32);
    if (table == 0 && b->plan->table_is_fixed && plan_type_is_checked(b->plan, typeidx)) {
        put_op(b, WASM_LOCAL_TEE, index);
        put_i32(b, b->plan->fixed_table);
        put_byte(b, WASM_I32_ADD);
        put_i32(b, b->plan->table_base - 1);
        put_op(b, WASM_LOCAL_GET, index);
        put_i32(b, b->plan->fixed_table_size);
        put_byte(b, WASM_I32_LT_U);
        put_byte(b, WASM_SELECT);
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
    at_call(b, site, unwinds, type);
    put_table_index(b, typeidx, table);
    put_op(b, WASM_CALL_INDIRECT, plan_functype(b->plan, typeidx));
    put_u32(b, 0);
    const struct entry *entry = resume_call(b, NONE, typeidx);
    if (stops)
        put_check_indirect(b, site);
    else if (unwinds)
        put_check(b, site);
    return_operands(b, site, entry, type);
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
