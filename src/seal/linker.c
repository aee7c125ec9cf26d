/* linker.c - the runtime and the guest's functions as one module. The drawings are in seal.h (memory)
 * and linking.h (index spaces). */
#include <stdlib.h>

#include "base/digest.h"
#include "seal/layout.h"
#include "seal/linker.h"
#include "seal/linking.h"
#include "wasm/binary.h"
#include "wasm/constant.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"

enum {
    PAGE = 65536,
    HEAP_SIZE = 16 << 20 /* unless told otherwise; address space: pages that are not used cost most
                            hosts nothing */
};

static void add(struct linker *linker, struct buffer *code, uint32_t type,
                const struct buffer *body)
{
    buffer_put(&linker->functions, &type, sizeof type);
    encode_bytes(code, body->data, body->size);
    code->failed |= body->failed;
}

void add_function(struct linker *linker, uint32_t type, const struct buffer *body)
{
    add(linker, &linker->code, type, body);
}

/* ---- Constant expressions. */

/* Of references: the function's index. No global.get: that would be of an imported global, and
 * neither module has any. */
static uint64_t reference_index(const void *context, enum opcode opcode, uint32_t index)
{
    (void)context;
    return opcode == WASM_REF_FUNC ? index : UINT32_MAX;
}

static uint64_t constant(const struct module *module, uint32_t expression)
{
    struct reader at = walk_from(module, expression);
    return constant_bits(&at, reference_index, NULL);
}

/* ---- What the runtime is like. */

static bool not_a_runtime(struct linker *linker, const char *what)
{
    return error_set(linker->error, ERROR_LINK, "this is not the runtime of sealed modules: no %s",
                     what);
}

/* The address of one of its symbols. */
static bool symbol(struct linker *linker, const char *name, uint32_t *address)
{
    const struct export *export = module_export(linker->runtime, EXTERN_GLOBAL, name);
    if (!export || export->index < linker->runtime->nimported_globals)
        return not_a_runtime(linker, name);
    *address = (uint32_t)constant(linker->runtime, linker->runtime->globals[export->index].init);
    return true;
}

static uint32_t wasi_imports(const struct linker *linker)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < linker->runtime->nimports; i++)
        count += !span_is(linker->runtime->imports[i].module, "guest");
    return count;
}

static bool number_runtime(struct linker *linker)
{
    static const char *const names[] = {
#define NAME(name, parameters, results) "sealed_" #name,
        RUNTIME_FUNCTIONS(NAME)
#undef NAME
    };
    const struct module *runtime = linker->runtime;
    uint32_t next = 0, first_own = wasi_imports(linker);
    linker->first_glue = first_own + (runtime->nfuncs - runtime->nimported_funcs);
    for (uint32_t i = 0; i < runtime->nimports; i++) {
        const struct import *import = &runtime->imports[i];
        uint32_t glue = span_is(import->module, "guest") ? glue_named(import->name) : 0;
        if (import->kind != EXTERN_FUNC || glue == GLUE_COUNT)
            return not_a_runtime(linker, "such import");
        linker->runtime_functions[import->index] =
            span_is(import->module, "guest") ? linker->first_glue + glue : next++;
    }
    for (uint32_t i = runtime->nimported_funcs; i < runtime->nfuncs; i++)
        linker->runtime_functions[i] = first_own + (i - runtime->nimported_funcs);
    for (uint32_t i = 0; i < runtime->ntypes; i++) {
        const struct functype *type = &runtime->types[i];
        linker->runtime_types[i] = plan_type(&linker->plan, type->types, type->nparams,
                                             type->types + type->nparams, type->nresults);
    }
    for (uint32_t i = 0; i < RUNTIME_COUNT; i++) {
        const struct export *export = module_export(runtime, EXTERN_FUNC, names[i]);
        if (!export)
            return not_a_runtime(linker, names[i]);
        linker->plan.runtime[i] = linker->runtime_functions[export->index];
    }
    return symbol(linker, "sealed_values", &linker->plan.values);
}

/* ---- The plan. */

static uint32_t align(uint32_t value, uint32_t to)
{
    return (value + to - 1) / to * to;
}

static bool place_memory(struct linker *linker)
{
    uint32_t heap = 0, min = linker->guest->nmemories ? linker->guest->memories[0].min : 0;
    if (!symbol(linker, "__heap_base", &heap))
        return false;
    uint64_t size = linker->plan.options->heap ? linker->plan.options->heap : HEAP_SIZE;
    uint64_t end = heap + size + PAGE + linker->guest->size + 16 + linker->snapshot.size;
    uint64_t start = (end + PAGE - 1) / PAGE * PAGE + PAGE;
    bool apart = linker->plan.options->multi_memory;
    if (size > UINT32_MAX || start + (apart ? 0 : (uint64_t)min * PAGE) > (uint64_t)PAGE * PAGE)
        return error_set(linker->error, ERROR_UNSUPPORTED,
                         "the guest's memory of %u pages and the runtime's, with a heap of %llu "
                         "MiB, do not fit into 4 GiB%s",
                         min, (unsigned long long)size >> 20,
                         apart ? "" : " (--features multi-memory, for hosts that have it)");
    linker->heap_end = linker->module_start = align(heap + (uint32_t)size, PAGE);
    linker->snapshot_start = align(linker->module_start + linker->guest->size, 16);
    linker->own_pages = (uint32_t)(start / PAGE);
    linker->plan.memory_start = apart ? 0 : (uint32_t)start;
    return true;
}

static void number_guest(struct linker *linker)
{
    const struct module *guest = linker->guest;
    struct plan *plan = &linker->plan;
    uint32_t first = linker->first_glue + GLUE_COUNT;
    uint32_t nowned = guest->nfuncs - guest->nimported_funcs;
    for (uint32_t i = 0; i < guest->nfuncs; i++) {
        linker->hot[i] = first + i;
        linker->resume[i] = i < guest->nimported_funcs
                                ? UINT32_MAX
                                : first + guest->nfuncs + (i - guest->nimported_funcs);
    }
    plan->first_helper = first + guest->nfuncs + nowned;
    plan->fuel = linker->runtime->nglobals;
    plan->unwinding = plan->fuel + 1;
    for (uint32_t i = 0; i < guest->nglobals; i++)
        linker->globals[i] = plan->unwinding + 1 + i;
    plan->table_base = linker->runtime->tables[0].limits.min + 1;
    plan->resume_base = plan->table_base + guest->nfuncs;
    plan->fixed_table = plan->resume_base + guest->nfuncs;
}

/* ---- The fixed table. */

static bool changes_table(enum opcode opcode)
{
    switch (opcode) {
    case WASM_TABLE_SET:
    case WASM_TABLE_GROW:
    case WASM_TABLE_FILL:
    case WASM_TABLE_INIT:
    case WASM_TABLE_COPY: return true;
    case WASM_TABLE_GET:
    case WASM_TABLE_SIZE:
    case WASM_ELEM_DROP:
#define OPCODE(name, ...) case WASM_##name:
#define TABLE(...)
#include "wasm/opcodes.def"
        return false;
    }
    return false;
}

static bool code_changes_tables(const struct module *guest)
{
    for (uint32_t i = guest->nimported_funcs; i < guest->nfuncs; i++) {
        struct reader reader = walk_body(guest, &guest->funcs[i]);
        struct instruction instruction;
        while (reader.at != reader.end && walk_next(&reader, &instruction))
            if (changes_table(instruction.opcode))
                return true;
    }
    return false;
}

static void fill_fixed(struct linker *linker, const struct elem_segment *elem, uint32_t offset)
{
    struct reader at = walk_from(linker->guest, elem->elements);
    for (uint32_t i = 0; i < elem->nelements; i++)
        linker->fixed[offset + i] = elem->expressions
                                        ? (uint32_t)constant_bits(&at, reference_index, NULL)
                                        : leb_u32(&at.at);
}

/* Segments that do not fit are found when the module starts: instantiation traps. */
static bool fix_table(struct linker *linker)
{
    const struct module *guest = linker->guest;
    struct plan *plan = &linker->plan;
    if (guest->ntables == 0 || guest->tables[0].element != TYPE_FUNCREF ||
        code_changes_tables(guest))
        return true;
    uint32_t size = guest->tables[0].limits.min;
    linker->fixed = malloc(((size_t)size + 1) * sizeof *linker->fixed);
    if (!linker->fixed)
        return error_set(linker->error, ERROR_MEMORY, "no memory for a table of %u elements", size);
    memset(linker->fixed, 0xFF, (size_t)size * sizeof *linker->fixed);
    for (uint32_t i = 0; i < guest->nelems; i++) {
        const struct elem_segment *elem = &guest->elems[i];
        if (elem->mode != SEGMENT_ACTIVE || elem->table != 0)
            continue;
        uint32_t offset = (uint32_t)constant(guest, elem->offset);
        if ((uint64_t)offset + elem->nelements <= size)
            fill_fixed(linker, elem, offset);
    }
    plan->table_is_fixed = true;
    plan->fixed_table_size = size;
    return true;
}

/* ---- The guest's functions. */

static bool link_copies(struct linker *linker, uint32_t funcidx, struct buffer *body)
{
    struct plan *plan = &linker->plan;
    body->size = 0;
    if (!seal_hot(plan, linker->analysis, funcidx, body, linker->error))
        return false;
    add_function(linker, plan_functype(plan, linker->guest->funcs[funcidx].type), body);
    body->size = 0;
    if (!seal_resume(plan, linker->analysis, funcidx, body, linker->error))
        return false;
    encode_bytes(&linker->resume_code, body->data, body->size);
    linker->resume_code.failed |= body->failed;
    return true;
}

/* Both copies of a function are made of the same sites. */
static bool link_guest(struct linker *linker)
{
    const struct module *guest = linker->guest;
    struct buffer body = {0};
    bool good = true;
    for (uint32_t i = guest->nimported_funcs; good && i < guest->nfuncs; i++)
        good = link_copies(linker, i, &body);
    for (uint32_t i = guest->nimported_funcs; good && i < guest->nfuncs; i++) {
        uint32_t type = plan_resume_type(&linker->plan, guest->funcs[i].type);
        buffer_put(&linker->functions, &type, sizeof type);
    }
    buffer_free(&body);
    return good;
}

static void link_helpers(struct linker *linker)
{
    const struct helper *helpers = (const struct helper *)(const void *)linker->plan.helpers.data;
    for (size_t i = 0; i < linker->plan.helpers.size / sizeof *helpers; i++)
        add(linker, &linker->resume_code, helpers[i].type,
            &(struct buffer){.data = helpers[i].body, .size = helpers[i].size});
}

/* ---- Sections. */

static void put_types(struct linker *linker, struct buffer *section)
{
    encode_u32(section, linker->plan.ntypes);
    buffer_put(section, linker->plan.types.data, linker->plan.types.size);
}

static void put_span(struct buffer *section, struct span span)
{
    encode_bytes(section, span.data, span.size);
}

static void put_imports(struct linker *linker, struct buffer *section)
{
    const struct module *runtime = linker->runtime;
    encode_u32(section, wasi_imports(linker));
    for (uint32_t i = 0; i < runtime->nimports; i++) {
        const struct import *import = &runtime->imports[i];
        if (span_is(import->module, "guest"))
            continue;
        put_span(section, import->module);
        put_span(section, import->name);
        buffer_put_u8(section, EXTERN_FUNC);
        encode_u32(section, linker->runtime_types[runtime->funcs[import->index].type]);
    }
}

static uint32_t function_count(const struct linker *linker)
{
    return (uint32_t)(linker->functions.size / sizeof(uint32_t));
}

static void put_functions(struct linker *linker, struct buffer *section)
{
    const uint32_t *types = (const uint32_t *)(const void *)linker->functions.data;
    uint32_t count = function_count(linker);
    encode_u32(section, count);
    for (uint32_t i = 0; i < count; i++)
        encode_u32(section, types[i]);
}

static void put_limits(struct buffer *section, uint32_t min, uint32_t max)
{
    buffer_put_u8(section, 1);
    encode_u32(section, min);
    encode_u32(section, max);
}

static void put_tables(struct linker *linker, struct buffer *section)
{
    uint32_t size = linker->plan.fixed_table + linker->plan.fixed_table_size;
    encode_u32(section, 1);
    buffer_put_u8(section, TYPE_FUNCREF);
    put_limits(section, size, size);
}

static void put_memories(struct linker *linker, struct buffer *section)
{
    const struct module *guest = linker->guest;
    uint32_t own = linker->own_pages, max = guest->nmemories ? guest->memories[0].max : 0;
    bool apart = linker->plan.options->multi_memory;
    encode_u32(section, apart ? 2 : 1);
    put_limits(section, own - 1, apart ? own - 1 : max > 65536 - own ? 65536 : max + own);
    if (apart)
        put_limits(section, 0, max);
}

static void put_global(struct buffer *section, valtype type, bool mutable, uint64_t bits)
{
    bool reference = valtype_is_reference(type);
    buffer_put_u8(section, reference ? TYPE_I32 : type);
    buffer_put_u8(section, mutable);
    switch (type) {
    case TYPE_I64:
        buffer_put_u8(section, WASM_I64_CONST);
        encode_s64(section, (int64_t)bits);
        break;
    case TYPE_F32:
        buffer_put_u8(section, WASM_F32_CONST);
        buffer_put_u32(section, (uint32_t)bits);
        break;
    case TYPE_F64:
        buffer_put_u8(section, WASM_F64_CONST);
        buffer_put_u64(section, bits);
        break;
    default: encode_i32_const(section, (uint32_t)bits);
    }
    buffer_put_u8(section, WASM_END);
}

static void put_globals(struct linker *linker, struct buffer *section)
{
    const struct module *runtime = linker->runtime, *guest = linker->guest;
    encode_u32(section, runtime->nglobals + 2 + guest->nglobals);
    for (uint32_t i = 0; i < runtime->nglobals; i++)
        put_global(section, runtime->globals[i].type.type, runtime->globals[i].type.mutable,
                   constant(runtime, runtime->globals[i].init));
    put_global(section, TYPE_I32, true, 0); /* fuel */
    put_global(section, TYPE_I32, true, 0); /* unwinding */
    for (uint32_t i = 0; i < guest->nglobals; i++)
        put_global(section, guest->globals[i].type.type, guest->globals[i].type.mutable,
                   constant(guest, guest->globals[i].init));
}

static bool put_exports(struct linker *linker, struct buffer *section)
{
    const struct export *start = module_export(linker->runtime, EXTERN_FUNC, "_start");
    if (!start)
        return not_a_runtime(linker, "_start");
    encode_u32(section, 2);
    encode_name(section, "memory");
    buffer_put_u8(section, EXTERN_MEMORY);
    encode_u32(section, 0);
    encode_name(section, "_start");
    buffer_put_u8(section, EXTERN_FUNC);
    encode_u32(section, linker->runtime_functions[start->index]);
    return true;
}

/* Elements from table index `base` on: a segment for each run without null. */

struct elements {
    struct buffer segments;
    uint32_t count;
};

static void put_run(struct elements *elements, uint32_t start, const uint32_t *functions,
                    uint32_t count)
{
    struct buffer *segments = &elements->segments;
    if (count == 0)
        return;
    elements->count++;
    buffer_put_u8(segments, 0);
    encode_i32_const(segments, start);
    buffer_put_u8(segments, WASM_END);
    encode_u32(segments, count);
    for (uint32_t i = 0; i < count; i++)
        encode_u32(segments, functions[i]);
}

static void put_runs(struct elements *elements, uint32_t base, const uint32_t *functions,
                     uint32_t count)
{
    uint32_t start = 0;
    for (uint32_t i = 0; i <= count; i++)
        if (i == count || functions[i] == UINT32_MAX) {
            put_run(elements, base + start, functions + start, i - start);
            start = i + 1;
        }
}

/* The runtime's own elements are function indices in one segment or a few. */
static void put_runtime_elements(struct linker *linker, struct elements *elements)
{
    const struct module *runtime = linker->runtime;
    for (uint32_t i = 0; i < runtime->nelems; i++) {
        const struct elem_segment *elem = &runtime->elems[i];
        const uint8_t *at = runtime->bytes + elem->elements;
        uint32_t start = (uint32_t)constant(runtime, elem->offset);
        struct buffer functions = {0};
        for (uint32_t j = 0; j < elem->nelements; j++) {
            uint32_t function = linker->runtime_functions[leb_u32(&at)];
            buffer_put(&functions, &function, sizeof function);
        }
        elements->segments.failed |= functions.failed;
        if (!functions.failed)
            put_run(elements, start, (const uint32_t *)(const void *)functions.data,
                    elem->nelements);
        buffer_free(&functions);
    }
}

static void put_elements(struct linker *linker, struct buffer *section)
{
    const struct plan *plan = &linker->plan;
    struct elements elements = {0};
    put_runtime_elements(linker, &elements);
    put_runs(&elements, plan->table_base, linker->hot, linker->guest->nfuncs);
    put_runs(&elements, plan->resume_base, linker->resume, linker->guest->nfuncs);
    for (uint32_t i = 0; i < plan->fixed_table_size; i++)
        if (linker->fixed[i] != UINT32_MAX)
            linker->fixed[i] = linker->hot[linker->fixed[i]];
    put_runs(&elements, plan->fixed_table, linker->fixed, plan->fixed_table_size);
    encode_u32(section, elements.count);
    buffer_put(section, elements.segments.data, elements.segments.size);
    section->failed |= elements.segments.failed;
    buffer_free(&elements.segments);
}

/* The largest section by far is not made apart. */
static void put_code(struct linker *linker, struct buffer *output)
{
    struct buffer count = {0}, *parts[] = {&count, &linker->code, &linker->resume_code};
    size_t size = 0;
    encode_u32(&count, function_count(linker));
    for (size_t i = 0; i < 3; i++)
        size += parts[i]->size;
    buffer_put_u8(output, SECTION_CODE);
    encode_u32(output, (uint32_t)size);
    for (size_t i = 0; i < 3; i++) {
        buffer_put(output, parts[i]->data, parts[i]->size);
        output->failed |= parts[i]->failed;
        buffer_free(parts[i]);
    }
}

static void put_data(struct buffer *section, uint32_t address, const void *data, size_t size)
{
    buffer_put_u8(section, 0);
    encode_i32_const(section, address);
    buffer_put_u8(section, WASM_END);
    encode_bytes(section, data, size);
}

static void make_layout(const struct linker *linker, uint8_t layout[LAYOUT_COUNT * 4])
{
    memset(layout, 0, LAYOUT_COUNT * 4);
    put_le32(layout + 4 * LAYOUT_MODULE, linker->module_start);
    put_le32(layout + 4 * LAYOUT_MODULE_SIZE, linker->guest->size);
    put_le32(layout + 4 * LAYOUT_HEAP_END, linker->heap_end);
    put_le32(layout + 4 * LAYOUT_MEMORY_START, linker->plan.memory_start);
    put_le32(layout + 4 * LAYOUT_TABLE_IS_FIXED, linker->plan.table_is_fixed);
    put_le32(layout + 4 * LAYOUT_MEMORY_IS_APART, linker->plan.options->multi_memory);
    if (linker->snapshot.size) {
        put_le32(layout + 4 * LAYOUT_SNAPSHOT, linker->snapshot_start);
        put_le32(layout + 4 * LAYOUT_SNAPSHOT_SIZE, linker->snapshot.size);
    }
    digest_of(linker->guest->bytes, linker->guest->size, layout + 4 * LAYOUT_MODULE_HASH);
}

static bool put_datas(struct linker *linker, struct buffer *section)
{
    const struct module *runtime = linker->runtime, *guest = linker->guest;
    uint8_t layout[LAYOUT_COUNT * 4];
    uint32_t layout_address = 0;
    if (!symbol(linker, "sealed_layout", &layout_address))
        return false;
    make_layout(linker, layout);
    encode_u32(section, runtime->ndatas + 2 + (linker->snapshot.size > 0));
    for (uint32_t i = 0; i < runtime->ndatas; i++)
        put_data(section, (uint32_t)constant(runtime, runtime->datas[i].offset),
                 runtime->datas[i].bytes.data, runtime->datas[i].bytes.size);
    put_data(section, layout_address, layout, sizeof layout);
    if (linker->snapshot.size)
        put_data(section, linker->snapshot_start, linker->snapshot.data, linker->snapshot.size);
    put_data(section, linker->module_start, guest->bytes, guest->size);
    linker->module_offset = guest->size; /* from the section's end */
    return true;
}

/* ---- All of it. */

static bool put_module(struct linker *linker, struct buffer *output)
{
    static void (*const sections[])(struct linker *linker, struct buffer *section) = {
        [SECTION_TYPE] = put_types,         [SECTION_IMPORT] = put_imports,
        [SECTION_FUNCTION] = put_functions, [SECTION_TABLE] = put_tables,
        [SECTION_MEMORY] = put_memories,    [SECTION_GLOBAL] = put_globals,
        [SECTION_ELEMENT] = put_elements};
    struct buffer section = {0};
    bool good = true;
    buffer_put(output, "\0asm\1\0\0\0", 8);
    for (uint8_t id = SECTION_TYPE; good && id <= SECTION_DATA; id++) {
        section.size = 0;
        if (id == SECTION_CODE)
            put_code(linker, output);
        else if (id == SECTION_EXPORT)
            good = put_exports(linker, &section);
        else if (id == SECTION_DATA)
            good = put_datas(linker, &section);
        else if (id < sizeof sections / sizeof *sections && sections[id])
            sections[id](linker, &section);
        encode_section(output, id, &section);
    }
    linker->module_offset = (uint32_t)output->size - linker->module_offset;
    section.size = 0;
    good = good && (!linker->plan.options->names || link_names(linker, &section));
    encode_section(output, 0, &section);
    buffer_free(&section);
    return good && (!output->failed ||
                    error_set(linker->error, ERROR_MEMORY, "no memory for the sealed module"));
}

static bool allocate(struct linker *linker)
{
    const struct module *guest = linker->guest, *runtime = linker->runtime;
    linker->runtime_types = calloc((size_t)runtime->ntypes + 1, sizeof(uint32_t));
    linker->runtime_functions = calloc((size_t)runtime->nfuncs + 1, sizeof(uint32_t));
    linker->hot = calloc((size_t)guest->nfuncs + 1, sizeof(uint32_t));
    linker->resume = calloc((size_t)guest->nfuncs + 1, sizeof(uint32_t));
    linker->globals = calloc((size_t)guest->nglobals + 1, sizeof(uint32_t));
    linker->plan.hot = linker->hot;
    linker->plan.resume = linker->resume;
    linker->plan.globals = linker->globals;
    return (linker->runtime_types && linker->runtime_functions && linker->hot && linker->resume &&
            linker->globals) ||
           error_set(linker->error, ERROR_MEMORY, "no memory to seal the module");
}

static bool make_code(struct linker *linker)
{
    struct plan *plan = &linker->plan;
    if (!link_runtime(linker) || !link_glue(linker) || !link_imports(linker) || !link_guest(linker))
        return false;
    link_helpers(linker);
    return !(plan->types.failed || plan->helpers.failed || linker->functions.failed ||
             linker->code.failed || linker->resume_code.failed) ||
           error_set(linker->error, ERROR_MEMORY, "no memory to seal the module");
}

bool link_module(const struct module *guest, const struct module *runtime,
                 const struct seal_options *options, struct span snapshot, struct buffer *output,
                 uint32_t *module_offset, struct error *error)
{
    struct linker linker = {.plan = {.guest = guest, .options = options},
                            .guest = guest,
                            .runtime = runtime,
                            .snapshot = snapshot,
                            .error = error};
    bool good = allocate(&linker) && plan_begin(&linker.plan, error) && number_runtime(&linker) &&
                place_memory(&linker);
    if (good)
        number_guest(&linker);
    good = good && fix_table(&linker) && analysis_make(&linker.analysis, guest, options, error) &&
           make_code(&linker) && put_module(&linker, output);
    *module_offset = linker.module_offset;
    analysis_free(linker.analysis);
    plan_end(&linker.plan);
    buffer_free(&linker.functions);
    buffer_free(&linker.code);
    buffer_free(&linker.resume_code);
    free(linker.runtime_types);
    free(linker.runtime_functions);
    free(linker.hot);
    free(linker.resume);
    free(linker.globals);
    free(linker.fixed);
    return good;
}
