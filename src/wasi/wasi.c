#include "wasi/wasi.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "exec/reach.h"
#include "host/host.h"
#include "wasi/imports.h"
#include "wasi/wasi_call.h"

/* ---- text */

bool text_set(struct text *text, const void *data, size_t size)
{
    char *copy = size < UINT32_MAX ? malloc(size + 1) : NULL;
    if (!copy)
        return false;
    if (size)
        memcpy(copy, data, size);
    copy[size] = 0;
    *text = (struct text){.data = copy, .size = (uint32_t)size};
    return true;
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

bool text_valid(const void *data, size_t size)
{
    return size == 0 ||
           (size <= UINT32_MAX && !memchr(data, 0, size) && utf8_valid(data, (uint32_t)size));
}

/* ---- creation */

struct wasi *wasi_new(const struct wasi_options *options)
{
    struct wasi *wasi = calloc(1, sizeof *wasi);
    if (!wasi)
        return NULL;
    wasi->interrupted = options->interrupted;
    wasi->context = options->context;
    wasi->unasked = wasi->stride = 1;
    wasi->started = host_monotonic();
    return wasi;
}

static bool copy_texts(struct texts *texts, const char *const *from, uint32_t count)
{
    texts->items = calloc(count ? count : 1, sizeof *texts->items);
    if (!texts->items)
        return false;
    for (texts->count = 0; texts->count < count; texts->count++) {
        const char *text = from[texts->count];
        if (!text_set(&texts->items[texts->count], text, strlen(text)))
            return false;
    }
    return true;
}

static bool open_preopens(struct wasi *wasi, const struct wasi_options *options,
                          struct error *error)
{
    wasi->preopens = calloc(options->npreopens ? options->npreopens : 1, sizeof *wasi->preopens);
    if (!wasi->preopens)
        return error_set(error, ERROR_MEMORY, "out of memory for the guest's directories");
    for (uint32_t i = 0; i < options->npreopens; i++) {
        const struct wasi_preopen *from = &options->preopens[i];
        struct preopen *to = &wasi->preopens[i];
        if (!host_directory_open(&to->directory, from->host_path, error))
            return false;
        wasi->npreopens++;
        if (!text_set(&to->guest_path, from->guest_path, strlen(from->guest_path)))
            return error_set(error, ERROR_MEMORY, "out of memory for the guest's directories");
    }
    return true;
}

static bool add_listeners(struct wasi *wasi, const struct wasi_options *options)
{
    for (uint32_t i = 0; i < options->nlisteners; i++) {
        uint32_t fd;
        if (descriptor_reserve(wasi, &fd) != ERRNO_SUCCESS)
            return false;
        wasi->descriptors[fd].rights = RIGHTS_SOCKET;
        if (!descriptor_listen(&wasi->descriptors[fd], &options->listeners[i]))
            return false;
    }
    return true;
}

bool wasi_create(struct wasi **created, const struct wasi_options *options, struct error *error)
{
    struct wasi *wasi = wasi_new(options);
    if (!wasi || !copy_texts(&wasi->arguments, options->arguments, options->narguments) ||
        !copy_texts(&wasi->environment, options->environment, options->nenvironment)) {
        wasi_destroy(wasi);
        return error_set(error, ERROR_MEMORY, "out of memory for the guest's arguments");
    }
    if (!open_preopens(wasi, options, error) || !descriptors_standard(wasi, error)) {
        wasi_destroy(wasi);
        return false;
    }
    if (!add_listeners(wasi, options)) {
        wasi_destroy(wasi);
        return error_set(error, ERROR_MEMORY, "out of memory for the guest's sockets");
    }
    *created = wasi;
    return true;
}

static void texts_free(struct texts *texts)
{
    for (uint32_t i = 0; i < texts->count; i++)
        text_free(&texts->items[i]);
    free(texts->items);
}

static void bindings_free(struct binding *binding);

void wasi_destroy(struct wasi *wasi)
{
    if (!wasi)
        return;
    for (uint32_t i = 0; i < wasi->ndescriptors; i++) {
        if (wasi->descriptors[i].kind == DESCRIPTOR_LISTENER)
            wasi->descriptors[i].handle = HANDLE_NONE;
        (void)descriptor_close(&wasi->descriptors[i]);
    }
    free(wasi->descriptors);
    for (uint32_t i = 0; i < wasi->npreopens; i++) {
        const struct host_directory *directory = &wasi->preopens[i].directory;
        if (directory->owned)
            (void)host_close(directory->handle);
        text_free(&wasi->preopens[i].guest_path);
    }
    free(wasi->preopens);
    saved_free(wasi->saved);
    texts_free(&wasi->arguments);
    texts_free(&wasi->environment);
    bindings_free(wasi->bindings);
    free(wasi);
}

/* ---- imports */

/* In the order of functions.def, as imports.h numbers them. */
static outcome (*const functions[])(const struct call *call) = {
#define FUNCTION(name, parameters, results, modules, waits) wasi_##name,
#include "wasi/functions.def"
};

/* An import of the guest that was supplied. */
struct binding {
    struct binding *next;
    struct wasi *wasi;
    outcome (*function)(const struct call *call);
    bool can_stop;
    bool unstable;
    struct function *import;
};

static void bindings_free(struct binding *binding)
{
    while (binding) {
        struct binding *next = binding->next;
        host_function_destroy(binding->import);
        free(binding);
        binding = next;
    }
}

/* What the interpreter calls. */
static enum call_result call_function(void *context, struct execution *execution,
                                      union value *values)
{
    const struct binding *binding = context;
    struct call call = {.wasi = binding->wasi,
                        .execution = execution,
                        .arguments = values,
                        .unstable = binding->unstable};
    binding->wasi->nested = execution->depth > 0;
    if (--binding->wasi->unasked == 0 && pace_is_due(binding->wasi)) {
        if (binding->can_stop)
            return CALL_STOP;
        execution_shorten(execution);
    }
    outcome result = binding->function(&call);
    memory_settle();
    switch (result) {
    case OUTCOME_STOP: return CALL_STOP;
    case OUTCOME_TRAP: return CALL_TRAP;
    case OUTCOME_EXIT: return CALL_EXIT;
    default: values[0].i32 = result; return CALL_OK;
    }
}

static bool refuse(const struct import *import, const char *why, struct error *error)
{
    return error_set(error, ERROR_LINK, "import \"%.*s\" \"%.*s\": %s",
                     (int)(import->module.size < 100 ? import->module.size : 100),
                     (const char *)import->module.data,
                     (int)(import->name.size < 100 ? import->name.size : 100),
                     (const char *)import->name.data, why);
}

bool wasi_import(struct wasi *wasi, const struct module *module, const struct import *import,
                 struct extern_value *value, struct error *error)
{
    const int function = wasi_function_named(import->module, import->name);
    if (function < 0 || import->kind != EXTERN_FUNC)
        return refuse(import, "not a function of WASI preview 1", error);
    const struct functype *type = module_functype(module, import->index);
    if (!wasi_function_has(function, type))
        return refuse(import, "not the type that WASI preview 1 gives it", error);
    struct binding *binding = calloc(1, sizeof *binding);
    if (binding)
        binding->import = host_function_create(type, call_function, binding);
    if (!binding || !binding->import) {
        free(binding);
        return error_set(error, ERROR_MEMORY, "out of memory for an import");
    }
    binding->wasi = wasi;
    binding->function = functions[function];
    binding->can_stop = wasi_import_can_stop(import);
    if (!binding->can_stop)
        host_function_never_stops(binding->import);
    binding->unstable = span_is(import->module, "wasi_unstable");
    binding->next = wasi->bindings;
    wasi->bindings = binding;
    *value = (struct extern_value){.kind = EXTERN_FUNC, .of.function = binding->import};
    return true;
}
