/* instance.c - instantiation (specification, Execution, Modules). */
#include "exec/instance.h"

#include <stdlib.h>
#include <string.h>

#include "exec/function.h"
#include "wasm/walk.h"

const char *trap_message(enum trap trap)
{
    static const char *const messages[] = {
        [TRAP_NONE] = "no trap",
        [TRAP_UNREACHABLE] = "unreachable",
        [TRAP_MEMORY_BOUNDS] = "out of bounds memory access",
        [TRAP_TABLE_BOUNDS] = "out of bounds table access",
        [TRAP_DIVIDE_BY_ZERO] = "integer divide by zero",
        [TRAP_INTEGER_OVERFLOW] = "integer overflow",
        [TRAP_INVALID_CONVERSION] = "invalid conversion to integer",
        [TRAP_UNDEFINED_ELEMENT] = "undefined element",
        [TRAP_UNINITIALIZED_ELEMENT] = "uninitialized element",
        [TRAP_INDIRECT_TYPE] = "indirect call type mismatch",
        [TRAP_STACK_EXHAUSTED] = "call stack exhausted",
        [TRAP_OUT_OF_MEMORY] = "out of memory",
        [TRAP_MEMORY_LIMIT] = "it wants more memory than --max-memory allows",
        [TRAP_HOST] = "host function failed",
    };
    return messages[trap];
}

/* Imports. */

static bool limits_match(uint32_t size, bool has_max, uint32_t max, const struct limits *wanted)
{
    return size >= wanted->min && (!wanted->has_max || (has_max && max <= wanted->max));
}

static bool import_matches(const struct module *module, const struct import *import,
                           const struct extern_value *value)
{
    if (import->kind != value->kind)
        return false;
    switch (import->kind) {
    case EXTERN_FUNC:
        return functype_equal(module_functype(module, import->index), value->of.function->type);
    case EXTERN_TABLE: {
        const struct tabletype *wanted = &module->tables[import->index];
        const struct table *table = value->of.table;
        return wanted->element == table->type.element &&
               limits_match(table->size, table->type.limits.has_max, table->type.limits.max,
                            &wanted->limits);
    }
    case EXTERN_MEMORY: {
        const struct memory *memory = value->of.memory;
        return limits_match(memory->pages, memory->type.has_max, memory->type.max,
                            &module->memories[import->index]);
    }
    default: {
        const struct globaltype *wanted = &module->globals[import->index].type;
        const struct globaltype *given = &value->of.global->type;
        return wanted->type == given->type && wanted->mutable == given->mutable;
    }
    }
}

static void take_import(struct instance *instance, const struct import *import,
                        const struct extern_value *value)
{
    switch (import->kind) {
    case EXTERN_FUNC: {
        struct function *function = &instance->functions[import->index];
        struct function *target = value->of.function;
        *function = (struct function){.index = import->index,
                                      .type = target->type,
                                      .instance = target->instance,
                                      .target = target->target ? target->target : target};
        break;
    }
    case EXTERN_TABLE: instance->tables[import->index] = value->of.table; break;
    case EXTERN_MEMORY: instance->memory = value->of.memory; break;
    default: instance->globals[import->index] = value->of.global;
    }
}

static bool take_imports(struct instance *instance, const struct extern_value *imports,
                         struct error *error)
{
    const struct module *module = instance->module;
    for (uint32_t i = 0; i < module->nimports; i++) {
        const struct import *import = &module->imports[i];
        if (!import_matches(module, import, &imports[i]))
            return error_set(error, ERROR_LINK, "incompatible import type for %.*s.%.*s",
                             (int)import->module.size, (const char *)import->module.data,
                             (int)import->name.size, (const char *)import->name.data);
        take_import(instance, import, &imports[i]);
    }
    return true;
}

/* What the module defines. */

static void make_functions(struct instance *instance)
{
    const struct module *module = instance->module;
    for (uint32_t i = module->nimported_funcs; i < module->nfuncs; i++) {
        struct frame_layout layout = frame_layout(module, i);
        const struct functype *type = module_functype(module, i);
        struct function *function = &instance->functions[i];
        *function = (struct function){
            .code = (const uint8_t *)function->stub,
            .signature = instance->signatures + type->canonical,
            .head = {.frame_size = layout.size,
                     .link = layout.link,
                     .declared = layout.nparams * SLOT_SIZE},
            .stub = {CODE_LOWER, 0},
            .index = i,
            .type = type,
            .instance = instance,
        };
        if (layout.wide && instance->wide_frame < layout.size)
            instance->wide_frame = layout.size;
    }
}

static bool make_tables(struct instance *instance, struct error *error)
{
    const struct module *module = instance->module;
    for (uint32_t i = module->nimported_tables; i < module->ntables; i++) {
        instance->tables[i] = &instance->own_tables[i];
        if (!table_create(instance->tables[i], &module->tables[i], error))
            return false;
    }
    return true;
}

static bool make_memory(struct instance *instance, const struct instance_options *options,
                        struct error *error)
{
    const struct module *module = instance->module;
    if (module->nmemories == module->nimported_memories)
        return true;
    instance->memory = &instance->own_memory;
    if (options && options->memory) {
        instance->own_memory = *options->memory;
        *options->memory = (struct memory){0};
        return true;
    }
    return memory_create(instance->memory, &module->memories[0], options ? options->max_pages : 0,
                         error);
}

static void make_globals(struct instance *instance)
{
    const struct module *module = instance->module;
    for (uint32_t i = module->nimported_globals; i < module->nglobals; i++) {
        struct reader at = walk_from(module, module->globals[i].init);
        struct global_instance *global = &instance->own_globals[i];
        instance->globals[i] = global;
        global->type = module->globals[i].type;
        global->value = constant_value(instance, global->type.type, &at);
    }
    for (uint32_t i = 0; i < module->nglobals; i++)
        instance->global_addresses[i] = &instance->globals[i]->value;
}

/* Segments. */

static uint32_t segment_offset(const struct instance *instance, uint32_t expression)
{
    struct reader at = walk_from(instance->module, expression);
    return constant_value(instance, TYPE_I32, &at).i32;
}

static bool apply_elems(struct instance *instance, struct error *error)
{
    const struct module *module = instance->module;
    for (uint32_t i = 0; i < module->nelems; i++) {
        const struct elem_segment *elem = &module->elems[i];
        if (elem->mode == SEGMENT_ACTIVE) {
            union value operands[3] = {{.i32 = segment_offset(instance, elem->offset)},
                                       {.i32 = 0},
                                       {.i32 = elem->nelements}};
            enum trap trap = table_init(instance, i, elem->table, operands);
            if (trap != TRAP_NONE)
                return error_set(error, ERROR_TRAP, "%s: element segment %u", trap_message(trap),
                                 i);
        }
        instance->dropped_elems[i] = elem->mode != SEGMENT_PASSIVE;
    }
    return true;
}

static bool apply_datas(struct instance *instance, struct error *error)
{
    const struct module *module = instance->module;
    for (uint32_t i = 0; i < module->ndatas; i++) {
        const struct data_segment *data = &module->datas[i];
        if (data->mode != SEGMENT_ACTIVE)
            continue;
        union value operands[3] = {
            {.i32 = segment_offset(instance, data->offset)}, {.i32 = 0}, {.i32 = data->bytes.size}};
        enum trap trap = memory_init(instance, i, operands);
        if (trap != TRAP_NONE)
            return error_set(error, ERROR_TRAP, "%s: data segment %u", trap_message(trap), i);
        instance->dropped_datas[i] = true;
    }
    return true;
}

/* Arrays of one more than needed, so that none is of size zero. */
static bool allocate(struct instance *instance)
{
    const struct module *module = instance->module;
    instance->functions = calloc((size_t)module->nfuncs + 1, sizeof *instance->functions);
    instance->signatures = calloc((size_t)module->ntypes + 1, 1);
    instance->tables = calloc((size_t)module->ntables + 1, sizeof *instance->tables);
    instance->own_tables = calloc((size_t)module->ntables + 1, sizeof *instance->own_tables);
    instance->globals = calloc((size_t)module->nglobals + 1, sizeof *instance->globals);
    instance->own_globals = calloc((size_t)module->nglobals + 1, sizeof *instance->own_globals);
    instance->global_addresses =
        calloc((size_t)module->nglobals + 1, sizeof *instance->global_addresses);
    instance->dropped_elems = calloc((size_t)module->nelems + 1, 1);
    instance->dropped_datas = calloc((size_t)module->ndatas + 1, 1);
    return instance->functions && instance->signatures && instance->tables &&
           instance->own_tables && instance->globals && instance->own_globals &&
           instance->global_addresses && instance->dropped_elems && instance->dropped_datas;
}

static bool build(struct instance *instance, const struct extern_value *imports,
                  const struct instance_options *options, struct error *error)
{
    if (!allocate(instance))
        return error_set(error, ERROR_MEMORY, "no memory for the instance");
    if (!take_imports(instance, imports, error) || !make_tables(instance, error) ||
        !make_memory(instance, options, error))
        return false;
    make_functions(instance);
    make_globals(instance);
    return true;
}

bool instance_create(struct instance **instance, const struct module *module,
                     const struct extern_value *imports, const struct instance_options *options,
                     struct error *error)
{
    *instance = calloc(1, sizeof **instance);
    if (!*instance)
        return error_set(error, ERROR_MEMORY, "no memory for the instance");
    (*instance)->module = module;
    if (!build(*instance, imports, options, error)) {
        instance_destroy(*instance);
        *instance = NULL;
        return false;
    }
    if (options && options->bare)
        return true;
    return apply_elems(*instance, error) && apply_datas(*instance, error);
}

void instance_destroy(struct instance *instance)
{
    if (!instance)
        return;
    const struct module *module = instance->module;
    for (uint32_t i = module->nimported_funcs; instance->functions && i < module->nfuncs; i++)
        if (instance->functions[i].code_size)
            free((void *)(uintptr_t)head_of(instance->functions[i].code));
    for (uint32_t i = 0; instance->own_tables && i < module->ntables; i++)
        table_destroy(&instance->own_tables[i]);
    memory_destroy(&instance->own_memory);
    free(instance->functions);
    free(instance->signatures);
    free(instance->tables);
    free(instance->own_tables);
    free(instance->globals);
    free(instance->own_globals);
    free(instance->global_addresses);
    free(instance->dropped_elems);
    free(instance->dropped_datas);
    free(instance);
}

/* Functions and references. */

struct function *host_function_create(const struct functype *type, host_function call,
                                      void *context)
{
    struct function *function = calloc(1, sizeof *function);
    if (function) {
        function->type = type;
        function->call = call;
        function->context = context;
    }
    return function;
}

void host_function_destroy(struct function *function)
{
    free(function);
}

const struct functype *function_type(const struct function *function)
{
    return function->type;
}

bool function_lower(struct function *function)
{
    struct instance *instance = function->instance;
    struct binding binding = {instance->functions, sizeof *instance->functions,
                              instance->global_addresses, instance->signatures};
    struct buffer code = {0};
    struct site_notes notes;
    if (function->code_size)
        return true;
    uint8_t *exact = NULL;
    site_notes_begin(&notes);
    if (lower_function(instance->module, function->index, &binding, &code, &notes, NULL) &&
        !notes.bytes.failed)
        exact = malloc(sizeof function->head + code.size + notes.bytes.size);
    if (exact) {
        memcpy(exact, &function->head, sizeof function->head);
        exact += sizeof function->head;
        memcpy(exact, code.data, code.size);
        memcpy(exact + code.size, notes.bytes.data, notes.bytes.size);
        fuse_function(exact, (uint32_t)code.size, function->head.link + LINK_SLOTS * SLOT_SIZE);
        function->code = exact;
        function->code_size = (uint32_t)code.size;
        instance->lowered_size += code.size;
    }
    buffer_free(&code);
    buffer_free(&notes.bytes);
    return exact != NULL;
}

bool instance_export(const struct instance *instance, enum externkind kind, const char *name,
                     struct extern_value *value)
{
    const struct export *export = module_export(instance->module, kind, name);
    if (!export)
        return false;
    value->kind = kind;
    switch (kind) {
    case EXTERN_FUNC: value->of.function = &instance->functions[export->index]; break;
    case EXTERN_TABLE: value->of.table = instance->tables[export->index]; break;
    case EXTERN_MEMORY: value->of.memory = instance->memory; break;
    default: value->of.global = instance->globals[export->index];
    }
    return true;
}

bool funcref_index(const struct instance *instance, reference ref, uint32_t *funcidx)
{
    const struct function *function = (const struct function *)ref;
    uintptr_t first = (uintptr_t)instance->functions;
    if (ref < first || ref >= (uintptr_t)(instance->functions + instance->module->nfuncs))
        return false;
    *funcidx = function->index;
    return true;
}

reference funcref_of(const struct instance *instance, uint32_t funcidx)
{
    return (reference)&instance->functions[funcidx];
}
