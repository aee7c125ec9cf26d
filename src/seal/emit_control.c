/* emit_control.c - blocks and branches, and the polls of loops. */
#include "seal/body.h"

/* Hosts of 2017 know blocks without parameters and with one result at most. Other values travel in
 * transfer locals: they are put there before the branch, and taken from there behind the label. */
static bool results_travel(const struct block *block)
{
    return block->type->nresults > 1;
}

static bool travels(const struct block *block)
{
    return block->opcode == WASM_LOOP ? block->type->nparams > 0 : results_travel(block);
}

static const valtype *results_of(const struct block *block)
{
    return block->type->types + block->type->nparams;
}

/* What a branch to the block takes along. */
static const valtype *label_types(const struct block *block, uint32_t *count)
{
    bool loop = block->opcode == WASM_LOOP;
    *count = loop ? block->type->nparams : block->type->nresults;
    return loop ? block->type->types : results_of(block);
}

static void send(struct body *b, const struct block *block)
{
    uint32_t count;
    const valtype *types = label_types(block, &count);
    if (travels(block))
        set_transfers(b, types, count);
}

/* The one result that a block of the copy has itself. */
static valtype own_result(const struct block *block)
{
    return block->type->nresults == 1 ? *results_of(block) : 0;
}

static void push_types(struct body *b, const valtype *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        push_value(b, types[i]);
}

/* The values on their way to a label come back onto the stack. */
static void push_transfers(struct body *b, const valtype *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put_op(b, WASM_LOCAL_GET, transfer(b, i, types[i]));
        push_value(b, types[i]);
    }
}

/* Small loops: the bodies of one take at most this many bytes, and are at most this many. */
#define COPIES_SIZE       100
#define COPIES_SIZE_INNER 200
#define COPIES_MAX        6

/* Deep loops. */

/* Cranelift looks at all the loops around an addition or comparison for a place outside, and at all
 * of their blocks; and it takes long for each local that is written in all of them. Hundreds of
 * nested loops would take it minutes. So what a copy adds to a loop that lies deeper than any that
 * people write is a call, and neither another loop nor a local. */
#define LOOPS_FLAT 32
static bool is_deep(const struct block *block)
{
    return block->loops > LOOPS_FLAT;
}

/* Calls a function of these instructions, in place of them; frees `code`. */
static void put_apart(struct body *b, const char *parameters, const char *results,
                      struct buffer *code)
{
    encode_op(code, WASM_END);
    put_op(
        b, WASM_CALL,
        plan_function(b->plan, plan_type_of(b->plan, parameters, results), code->data, code->size));
    b->code->failed |= code->failed;
    buffer_free(code);
}

void put_binary(struct body *b, uint32_t opcode)
{
    struct buffer code = {0};
    if (!is_deep(block_at(b, 0))) {
        put_byte(b, (uint8_t)opcode);
    } else if (!b->dry && !b->mute) {
        buffer_put(&code, (const uint8_t[]){0, WASM_LOCAL_GET, 0, WASM_LOCAL_GET, 1}, 5);
        encode_op(&code, (uint8_t)opcode);
        put_apart(b, "ii", "i", &code);
    }
}

/* Fuel. */

void put_fuel(struct body *b)
{
    uint32_t fuel = scratch(b, TYPE_I32);
    put_op(b, WASM_GLOBAL_GET, b->plan->fuel);
    put_i32(b, 1);
    put_byte(b, WASM_I32_SUB);
    put_op(b, WASM_LOCAL_TEE, fuel);
    put_op(b, WASM_GLOBAL_SET, b->plan->fuel);
    put_op(b, WASM_LOCAL_GET, fuel);
    put_i32(b, 1);
    put_byte(b, WASM_I32_LT_S);
}

void give_fuel(struct body *b)
{
    put_op(b, WASM_GLOBAL_GET, b->plan->fuel);
    put_i32(b, 1);
    put_byte(b, WASM_I32_ADD);
    put_op(b, WASM_GLOBAL_SET, b->plan->fuel);
}

/* The same two at a deep loop. */
static void put_fuel_apart(struct body *b, bool give)
{
    struct buffer code = {0};
    if (b->dry || b->mute)
        return;
    encode_u32(&code, 0);
    encode_op_u32(&code, WASM_GLOBAL_GET, b->plan->fuel);
    encode_i32_const(&code, 1);
    encode_op(&code, give ? WASM_I32_ADD : WASM_I32_SUB);
    encode_op_u32(&code, WASM_GLOBAL_SET, b->plan->fuel);
    if (!give) {
        encode_op_u32(&code, WASM_GLOBAL_GET, b->plan->fuel);
        encode_i32_const(&code, 1);
        encode_op(&code, WASM_I32_LT_S);
    }
    put_apart(b, "", give ? "" : "i", &code);
}

bool counts_rounds(const struct body *b, const struct block *loop)
{
    return !b->dry && !b->plan->options->exact_fuel && !is_deep(loop) &&
           (b->resume || !(b->loops.data[loop->loop] & LOOP_UNWINDS));
}

void end_first_walk(struct body *b)
{
    const struct seal_options *options = b->plan->options;
    b->dry = false;
    memset(b->used, 0, sites_count(&b->sites) * sizeof *b->used);
    for (size_t i = 0; i < b->loops.size && !b->strips; i++)
        b->strips = b->resume || !(b->loops.data[i] & LOOP_UNWINDS);
    b->strips &= !options->exact_fuel && !options->no_polls;
    if (b->strips)
        b->rounds = new_local(b, TYPE_I32);
}

void note_recursion(struct body *b)
{
    const struct block *block = block_at(b, 0);
    if (b->dry && block->opcode == WASM_LOOP && !block->continued && !b->loops.failed)
        b->loops.data[block->loop] |= LOOP_RECURS;
}

/* Each of its rounds passes the poll at the function's own entry. */
static bool polls_by_recursion(const struct body *b, const struct block *loop)
{
    return !b->plan->options->exact_fuel && (b->loops.data[loop->loop] & LOOP_RECURS) &&
           analysis_polls_at_entry(b->analysis, b->funcidx);
}

void mark_loops(struct body *b, uint8_t mark)
{
    if (!b->dry || b->loops.failed)
        return;
    const struct block *blocks = (const struct block *)(const void *)b->blocks.data;
    for (uint32_t in = block_at(b, 0)->in_loop; in > 0; in = blocks[in - 2].in_loop) {
        uint8_t *marks = &b->loops.data[blocks[in - 1].loop];
        if ((*marks & mark) == mark)
            break; /* and so have those around it */
        *marks |= mark;
    }
}

/* How many times the body of a small loop is written, one after the other, so that one poll serves
 * them all. */
static uint32_t copies_of(const struct body *b, const struct block *loop)
{
    uint8_t flags = b->loops.data[loop->loop];
    if (b->resume || !loop->polls || !counts_rounds(b, loop) || (flags & LOOP_COMPLEX) ||
        loop->type->nparams || (flags & LOOP_SIZE) == LOOP_SIZE)
        return 1;
    bool inner = block_at(b, 1)->in_loop;
    uint32_t copies = (inner ? COPIES_SIZE_INNER : COPIES_SIZE) / (2u * (flags & LOOP_SIZE) + 1u);
    return copies > COPIES_MAX ? COPIES_MAX : copies;
}

/* The number of rounds that the loops of this function have still to go before they tell of STRIP.
 * A resume copy goes through headers on its way to the site. */
static void put_round(struct body *b)
{
    put_op(b, WASM_LOCAL_GET, b->rounds);
    put_i32(b, 1);
    put_byte(b, WASM_I32_SUB);
    put_op(b, WASM_LOCAL_TEE, b->rounds);
    put_byte(b, WASM_I32_EQZ);
}

/* Smaller, and in a loop with calls of no other cost. What is called may take long, and then leaves
 * no fuel in the global: so that is looked at too, though not on the way to the site, where the
 * rounds are STRIP or more (resume.c). */
static bool polls_inside(const struct body *b, const struct block *loop)
{
    return b->resume && counts_rounds(b, loop) && (b->loops.data[loop->loop] & LOOP_UNWINDS);
}

/* The loop is entered and, behind `again`, entered again after its poll:
 *
 *     block exit  loop again  block poll  loop  ... end  br exit  end  call poll  br again  end end
 *
 * So the poll's call lies outside of the loop that it serves. In exact_fuel mode coming in costs
 * nothing; nor may it in a resume copy, which polls at no header on its way to the site. */
static void open_poll(struct body *b, struct block *loop)
{
    bool rounds = counts_rounds(b, loop);
    loop->polls = !b->plan->options->no_polls && !loop->counted && !polls_by_recursion(b, loop);
    if (!loop->polls)
        return;
    b->used[loop->site] = b->unwinds = true;
    if (is_deep(loop)) {
        if (b->resume || b->plan->options->exact_fuel)
            put_fuel_apart(b, true);
        return;
    }
    if (polls_inside(b, loop))
        return;
    open_block(b, WASM_BLOCK, own_result(loop));
    open_block(b, WASM_LOOP, 0);
    if (!rounds && (b->resume || b->plan->options->exact_fuel))
        give_fuel(b);
    open_block(b, WASM_BLOCK, 0);
}

static void put_deep_poll(struct body *b, const struct block *loop)
{
    put_fuel_apart(b, false);
    open_block(b, WASM_IF, 0);
    put_runtime(b, RUNTIME_poll);
    put_leave(b, loop->site);
    close_block(b);
}

/* At the loop's header. */
static void put_poll(struct body *b, const struct block *loop)
{
    if (!loop->polls)
        return;
    if (is_deep(loop)) {
        put_deep_poll(b, loop);
        return;
    }
    if (counts_rounds(b, loop))
        put_round(b);
    else
        put_fuel(b);
    if (polls_inside(b, loop)) {
        put_op(b, WASM_GLOBAL_GET, b->plan->fuel);
        put_i32(b, 2);
        put_byte(b, WASM_I32_LT_S);
        put_op(b, WASM_LOCAL_GET, b->rounds);
        put_i32(b, STRIP);
        put_byte(b, WASM_I32_LT_S);
        put_byte(b, WASM_I32_AND);
        put_byte(b, WASM_I32_OR);
        open_block(b, WASM_IF, 0);
        put_op(b, WASM_GLOBAL_GET, b->plan->fuel); /* `strip` takes the rounds that are left too */
        put_op(b, WASM_LOCAL_GET, b->rounds);
        put_byte(b, WASM_I32_ADD);
        put_op(b, WASM_GLOBAL_SET, b->plan->fuel);
        put_i32(b, STRIP);
        put_op(b, WASM_LOCAL_SET, b->rounds);
        put_runtime(b, RUNTIME_strip);
        put_leave(b, loop->site);
        close_block(b);
        return;
    }
    put_branch(b, WASM_BR_IF, loop->target - 1);
}

static void close_poll(struct body *b, const struct block *loop, bool live)
{
    if (!loop->polls || is_deep(loop) || polls_inside(b, loop))
        return;
    bool rounds = counts_rounds(b, loop);
    if (live)
        put_branch(b, WASM_BR, loop->target - 3);
    else
        put_byte(b, WASM_UNREACHABLE);
    close_block(b);
    if (rounds) {
        put_i32(b, STRIP);
        put_op(b, WASM_LOCAL_SET, b->rounds);
    }
    put_poll_call(b, loop, rounds ? RUNTIME_strip : RUNTIME_poll);
    put_byte(b, WASM_I32_EQZ);
    put_branch(b, WASM_BR_IF, loop->target - 2);
    put_i32(b, loop->site);
    put_branch(b, WASM_BR, b->unwind);
    close_block(b);
    if (own_result(loop))
        put_byte(b, WASM_UNREACHABLE);
    close_block(b);
}

void settle_rounds(struct body *b)
{
    if (!b->strips)
        return;
    put_op(b, WASM_GLOBAL_GET, b->plan->fuel);
    put_op(b, WASM_LOCAL_GET, b->rounds);
    put_byte(b, WASM_I32_ADD);
    put_i32(b, STRIP);
    put_byte(b, WASM_I32_SUB);
    put_op(b, WASM_GLOBAL_SET, b->plan->fuel);
}

void put_epilogue(struct body *b)
{
    settle_rounds(b);
    for (uint32_t i = 0; b->returned.nresults > 1 && i < b->returned.nresults; i++) {
        put_i32(b, b->plan->values);
        put_op(b, WASM_LOCAL_GET, transfer(b, i, b->returned.types[i]));
        put_slot_store(b, b->returned.types[i], i * 8);
    }
}

/* Blocks. */

void begin_function(struct body *b)
{
    struct block block = {.opcode = WASM_END, .type = &b->returned};
    b->returned = (struct functype){b->type->types + b->type->nparams, 0, b->type->nresults, 0};
    b->returns = b->strips || b->type->nresults > 1;
    if (b->returns) {
        open_block(b, WASM_BLOCK, own_result(&block));
        block.target = b->depth;
    }
    buffer_put(&b->blocks, &block, sizeof block);
    take_site(b, SITE_ENTRY);
    begin_sequence(b);
}

/* At the loop's header: its parameters are in their temporaries again, in case of a poll. */
static void enter_loop(struct body *b, const struct block *loop)
{
    const struct functype *type = loop->type;
    for (uint32_t i = 0; i < type->nparams; i++) {
        put_op(b, WASM_LOCAL_GET, transfer(b, i, type->types[i]));
        put_op(b, WASM_LOCAL_SET, temporary(b, loop->height + i, type->types[i]));
    }
    put_poll(b, loop);
}

/* What the block takes from the stack goes where its beginning expects it. */
static void approach(struct body *b, struct block *block)
{
    const struct functype *type = block->type;
    bool hides = is_hoisted(b, block) && block->height > block_at(b, 0)->height;
    bool condition = block->opcode == WASM_IF && (type->nparams || hides);
    if (condition)
        put_op(b, WASM_LOCAL_SET, scratch(b, TYPE_I32));
    if (b->resume && block->opcode == WASM_LOOP)
        land_at_loop(b, block);
    else
        set_transfers(b, type->types, type->nparams);
    if (hides)
        hide_operands(b, block);
    if (condition)
        put_op(b, WASM_LOCAL_GET, scratch(b, TYPE_I32));
}

static void open_loop(struct body *b, struct block *block)
{
    block->site = b->next_site;
    block->loop = b->next_loop++;
    block->counted = !b->resume && !b->plan->options->exact_fuel && is_counted_loop(b);
    b->nlabels++;
    if (b->dry) {
        mark_loops(b, LOOP_COMPLEX);
        buffer_put_u8(&b->loops, 0);
    }
}

/* All but the last copy are in blocks: a branch to the loop leads to the next copy, and the end of
 * the body out of the loop. */
static void begin_copies(struct body *b, struct block *loop)
{
    loop->body = b->reader.at;
    loop->body_value = b->nvalues;
    loop->header = loop->target;
    loop->copies = b->loops.failed ? 1 : copies_of(b, loop);
    if (loop->copies > 1) {
        open_block(b, WASM_BLOCK, 0);
        loop->target = b->depth;
    }
}

/* At the end of a body; false: it was the last one. */
static bool next_copy(struct body *b, struct block *loop)
{
    if (loop->copies <= 1)
        return false;
    if (!b->unreachable)
        put_branch(b, WASM_BR, loop->header - 3);
    close_block(b);
    b->reader.at = loop->body;
    b->nvalues = loop->body_value;
    b->height = loop->height;
    b->unreachable = false;
    loop->target = loop->header;
    if (--loop->copies > 1) {
        open_block(b, WASM_BLOCK, 0);
        loop->target = b->depth;
    }
    return true;
}

/* The first walk has come to the end of a loop. */
static void measure(struct body *b, const struct block *loop)
{
    size_t size = (size_t)(b->reader.at - loop->body) / 2;
    if (!b->loops.failed)
        b->loops.data[loop->loop] |= (uint8_t)(size > LOOP_SIZE ? LOOP_SIZE : size);
}

void control_block(struct body *b, const struct instruction *i)
{
    enum opcode opcode = i->opcode;
    struct block block = {.opcode = (uint8_t)opcode, .hoist = NONE};
    block.type = module_blocktype(b->module, i);
    if (opcode == WASM_IF)
        pop_value(b);
    block.height = b->height - block.type->nparams;
    block.loops = block_at(b, 0)->loops + (opcode == WASM_LOOP);
    if (opcode == WASM_LOOP)
        open_loop(b, &block);
    else
        find_hoist(b, &block);
    approach(b, &block);
    pop_values(b, block.type->nparams);
    block.mute = b->mute;
    if (opcode == WASM_LOOP)
        open_poll(b, &block);
    if (is_hoisted(b, &block)) {
        open_hoisted(b, &block);
    } else {
        open_block(b, opcode, own_result(&block));
        block.target = b->depth;
    }
    block.sequence = block_at(b, 0)->sequence;
    if (opcode == WASM_LOOP)
        enter_loop(b, &block);
    block.in_loop = opcode == WASM_LOOP ? block_count(b) + 1 : block_at(b, 0)->in_loop;
    buffer_put(&b->blocks, &block, sizeof block);
    if (b->blocks.failed)
        return;
    if (opcode == WASM_LOOP)
        begin_sequence(b);
    push_transfers(b, block.type->types, block.type->nparams);
    if (opcode == WASM_LOOP) {
        take_site(b, SITE_LOOP);
        if (b->resume || block.polls)
            mark_operands(b, block.site);
        begin_copies(b, block_at(b, 0));
    }
}

void control_else(struct body *b)
{
    struct block *block = block_at(b, 0);
    bool live = !b->unreachable && !b->mute;
    if (!b->unreachable) {
        if (results_travel(block))
            set_transfers(b, results_of(block), block->type->nresults);
        block->branched = true;
    }
    block->reached |= live;
    if (is_hoisted(b, block)) {
        hoisted_else(b, block, live);
    } else {
        b->mute = block->mute;
        put_byte(b, WASM_ELSE);
        if (b->resume && b->dry)
            hoisted_else(b, block, live);
    }
    b->nlabels++;
    b->unreachable = false;
    b->height = block->height;
    block->opcode = WASM_ELSE;
    push_transfers(b, block->type->types, block->type->nparams);
}

static void end_function(struct body *b, const struct block *block)
{
    if (!b->unreachable)
        send(b, block);
    b->mute = false;
    if (b->returns)
        close_block(b);
    b->blocks.size = 0;
}

/* An `if` without `else`: its parameters are its results. */
static void add_else(struct body *b, const struct block *block)
{
    b->mute = block->mute;
    if (block->type->nresults == 1) {
        put_byte(b, WASM_ELSE);
        get_transfers(b, block->type->types, 1);
    }
}

/* Whether what stands behind the block is reached, in this copy. */
static bool is_reached(const struct body *b, const struct block *block)
{
    return (!b->unreachable && !b->mute) || block->reached ||
           (block->opcode == WASM_IF && !block->mute);
}

static void end_block(struct body *b, const struct block *block, bool reached)
{
    if (is_hoisted(b, block)) {
        close_hoisted(b, block);
        return;
    }
    if (block->opcode == WASM_IF)
        add_else(b, block);
    b->mute = block->mute;
    close_block(b);
    if (block->opcode == WASM_LOOP) {
        leave_loop(b, block);
        close_poll(b, block, !b->resume || reached);
    }
}

void control_end(struct body *b)
{
    struct block block = *block_at(b, 0);
    b->nlabels++;
    if (block.opcode == WASM_END) {
        end_function(b, &block);
        return;
    }
    if (!b->unreachable && results_travel(&block))
        set_transfers(b, results_of(&block), block.type->nresults);
    if (block.opcode == WASM_LOOP && next_copy(b, block_at(b, 0)))
        return;
    if (block.opcode == WASM_LOOP && b->dry)
        measure(b, &block);
    bool joined = !b->unreachable || block.branched || block.opcode == WASM_IF;
    bool reached = is_reached(b, &block), hoisted = is_hoisted(b, &block);
    settle_hoist(b, &block, own_result(&block),
                 block.reached || (block.opcode == WASM_IF && !block.mute));
    end_block(b, &block, reached);
    b->blocks.size -= sizeof block;
    b->height = block.height;
    if (b->resume && !reached)
        put_byte(b, WASM_UNREACHABLE);
    b->mute = b->resume && !reached;
    if (hoisted)
        show_operands(b, &block, own_result(&block));
    if (results_travel(&block))
        push_transfers(b, results_of(&block), block.type->nresults);
    else
        push_types(b, results_of(&block), block.type->nresults);
    if (!joined)
        put_byte(b, WASM_UNREACHABLE);
    b->unreachable = !joined;
}

/* Branches. */

static struct block *aim(struct body *b, uint32_t depth)
{
    struct block *block = block_at(b, depth);
    if (block->opcode == WASM_LOOP)
        block->continued = true;
    else
        block->branched = true;
    block->reached |= !b->mute && block->opcode != WASM_LOOP;
    return block;
}

void control_br(struct body *b, uint32_t depth)
{
    struct block *block = aim(b, depth);
    send(b, block);
    if (block->opcode == WASM_END && !b->returns)
        put_byte(b, WASM_RETURN);
    else
        put_branch(b, WASM_BR, block->target);
    b->unreachable = true;
}

void control_br_if(struct body *b, uint32_t depth)
{
    struct block *block = aim(b, depth);
    uint32_t count;
    const valtype *types = label_types(block, &count);
    pop_value(b);
    if (!travels(block)) {
        put_branch(b, WASM_BR_IF, block->target);
        return;
    }
    uint32_t condition = scratch(b, TYPE_I32);
    put_op(b, WASM_LOCAL_SET, condition);
    set_transfers(b, types, count);
    put_op(b, WASM_LOCAL_GET, condition);
    put_branch(b, WASM_BR_IF, block->target);
    get_transfers(b, types, count);
}

/* A table of which some targets want their values in transfer locals: each gets a branch of its
 * own. */
static void travelling_table(struct body *b, const struct instruction *i)
{
    const uint8_t *at = i->labels;
    uint32_t count = i->count + 1, values, index = scratch(b, TYPE_I32);
    const valtype *types = label_types(block_at(b, leb_u32(&at)), &values);
    put_op(b, WASM_LOCAL_SET, index);
    set_transfers(b, types, values);
    for (uint32_t label = 0; label < count; label++)
        open_block(b, WASM_BLOCK, 0);
    put_op(b, WASM_LOCAL_GET, index);
    put_op(b, WASM_BR_TABLE, count - 1);
    for (uint32_t label = 0; label < count; label++)
        put_u32(b, label);
    at = i->labels;
    for (uint32_t label = 0; label < count; label++) {
        struct block *block = block_at(b, leb_u32(&at));
        close_block(b);
        if (!travels(block))
            get_transfers(b, types, values);
        put_branch(b, WASM_BR, block->target);
    }
}

void control_br_table(struct body *b, const struct instruction *i)
{
    const uint8_t *at = i->labels;
    uint32_t count = i->count + 1;
    bool any = false;
    pop_value(b);
    for (uint32_t label = 0; label < count; label++)
        any |= travels(aim(b, leb_u32(&at)));
    b->unreachable = true;
    if (any) {
        travelling_table(b, i);
        return;
    }
    at = i->labels;
    put_op(b, WASM_BR_TABLE, i->count);
    for (uint32_t label = 0; label < count; label++)
        put_u32(b, b->depth - block_at(b, leb_u32(&at))->target);
}
