#include "host.h"

#include <stdlib.h>
#include <string.h>

static const char *const function_names[SPECTEST_FUNCTIONS] = {
    "print", "print_i32", "print_i64", "print_f32", "print_f64", "print_i32_f32", "print_f64_f64"};
static const valtype parameters[SPECTEST_FUNCTIONS][2] = {
    {0},        {TYPE_I32},           {TYPE_I64},          {TYPE_F32},
    {TYPE_F64}, {TYPE_I32, TYPE_F32}, {TYPE_F64, TYPE_F64}};
static const struct functype function_types[SPECTEST_FUNCTIONS] = {
    {parameters[0], 0, 0, 0}, {parameters[1], 1, 0, 0}, {parameters[2], 1, 0, 0},
    {parameters[3], 1, 0, 0}, {parameters[4], 1, 0, 0}, {parameters[5], 2, 0, 0},
    {parameters[6], 2, 0, 0}};

static const char *const global_names[SPECTEST_GLOBALS] = {"global_i32", "global_i64", "global_f32",
                                                           "global_f64"};
static const struct global_instance first_globals[SPECTEST_GLOBALS] = {
    {{.i32 = 666}, {TYPE_I32, false}},
    {{.i64 = 666}, {TYPE_I64, false}},
    {{.f32 = 666.6f}, {TYPE_F32, false}},
    {{.f64 = 666.6}, {TYPE_F64, false}}};

static enum call_result print(void *context, struct execution *execution, union value *values)
{
    struct spectest *spectest = context;
    (void)values;
    /* A host function that an instance exports as its own has no frame to stop in. */
    if (!spectest->stops || execution_depth(execution) == 0)
        return CALL_OK;
    spectest->stopped = !spectest->stopped;
    return spectest->stopped ? CALL_STOP : CALL_OK;
}

bool spectest_create(struct spectest **spectest, struct error *error)
{
    const struct tabletype table = {TYPE_FUNCREF, {10, 20, true}};
    const struct limits memory = {1, 2, true};
    struct spectest *made = calloc(1, sizeof *made);
    *spectest = made;
    if (!made)
        return error_set(error, ERROR_MEMORY, "no memory for the module spectest");
    memcpy(made->globals, first_globals, sizeof first_globals);
    for (size_t i = 0; i < SPECTEST_FUNCTIONS; i++) {
        made->functions[i] = host_function_create(&function_types[i], print, made);
        if (!made->functions[i])
            return error_set(error, ERROR_MEMORY, "no memory for the module spectest");
    }
    return table_create(&made->table, &table, error) &&
           memory_create(&made->memory, &memory, 0, error);
}

void spectest_destroy(struct spectest *spectest)
{
    if (!spectest)
        return;
    for (size_t i = 0; i < SPECTEST_FUNCTIONS; i++)
        host_function_destroy(spectest->functions[i]);
    table_destroy(&spectest->table);
    memory_destroy(&spectest->memory);
    free(spectest);
}

static bool find(const char *name, const char *const *names, size_t count, size_t *index)
{
    for (*index = 0; *index < count; ++*index)
        if (strcmp(name, names[*index]) == 0)
            return true;
    return false;
}

bool spectest_export(struct spectest *spectest, enum externkind kind, const char *name,
                     struct extern_value *value)
{
    size_t index;
    value->kind = kind;
    switch (kind) {
    case EXTERN_FUNC:
        if (!find(name, function_names, SPECTEST_FUNCTIONS, &index))
            return false;
        value->of.function = spectest->functions[index];
        return true;
    case EXTERN_GLOBAL:
        if (!find(name, global_names, SPECTEST_GLOBALS, &index))
            return false;
        value->of.global = &spectest->globals[index];
        return true;
    case EXTERN_TABLE: value->of.table = &spectest->table; return strcmp(name, "table") == 0;
    default: value->of.memory = &spectest->memory; return strcmp(name, "memory") == 0;
    }
}
