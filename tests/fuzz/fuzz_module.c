/* fuzz_module.c - any bytes at all go to the decoder and validator; what passes is asked for its
 * names, and held against what the other folders rely on; and to the survey of what a
 * module lacks, which finds nothing that the decoder knows. */
#include <stdlib.h>
#include <string.h>

#include "survey/survey.h"
#include "wasm/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_funcs(const struct module *module)
{
    for (uint32_t i = 0; i < module->nfuncs; i++) {
        const struct func *func = &module->funcs[i];
        require(func->type < module->ntypes);
        if (i < module->nimported_funcs)
            continue;
        require(func->locals < func->code && func->code < func->code_end);
        require(func->code_end <= module->size && module->bytes[func->code_end - 1] == 0x0B);
        require(func->nlocals >= module_functype(module, i)->nparams);
        require(func->max_operands >= module_functype(module, i)->nresults);
    }
}

static void check_types(const struct module *module)
{
    for (uint32_t i = 0; i < module->ntypes; i++) {
        uint32_t first = module->types[i].canonical;
        require(first <= i && module->types[first].canonical == first);
        require(functype_equal(&module->types[first], &module->types[i]));
    }
}

static void check_labels(const struct module *module)
{
    char label[24];
    for (uint32_t i = 0; i < module->nfuncs && i < 4; i++) {
        memset(label, 'x', sizeof label);
        module_func_label(module, i, label, sizeof label);
        require(memchr(label, 0, sizeof label) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct module module;
    struct error error = {0}, lacks = {0};
    bool whole = survey(data, size, &lacks);
    require(whole || (lacks.kind != ERROR_NONE && lacks.message[0]));
    if (!module_load(&module, data, size, &error)) {
        require(error.kind != ERROR_NONE && error.message[0]);
        require(error.offset <= size || error.offset == ERROR_NO_OFFSET);
        return 0;
    }
    require(whole || lacks.kind == ERROR_LINK);
    check_funcs(&module);
    check_types(&module);
    check_labels(&module);
    module_free(&module);
    return 0;
}
