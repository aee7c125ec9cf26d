#include "subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool file_bytes(const char *path, struct buffer *buffer, struct error *error)
{
    enum { CHUNK = 1 << 16 };
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_set(error, ERROR_IO, "cannot open %s", path);
    for (;;) {
        uint8_t *to = buffer_extend(buffer, CHUNK);
        size_t got = to ? fread(to, 1, CHUNK, file) : 0;
        if (to)
            buffer->size -= CHUNK - got;
        if (got < CHUNK)
            break;
    }
    bool good = !ferror(file) && !buffer->failed;
    fclose(file);
    return good || error_set(error, ERROR_IO, "cannot read %s", path);
}

void outcome_free(struct outcome *outcome)
{
    free(outcome->results);
    outcome->results = NULL;
    buffer_free(&outcome->trace);
}

bool subject_load(struct subject *subject, const char *path, struct error *error)
{
    if (!file_bytes(path, &subject->bytes, error))
        return false;
    subject->loaded =
        module_load(&subject->module, subject->bytes.data, subject->bytes.size, error);
    if (subject->loaded)
        digest_of(subject->bytes.data, subject->bytes.size, subject->hash);
    return subject->loaded;
}

void subject_destroy(struct subject *subject)
{
    instance_destroy(subject->instance);
    spectest_destroy(subject->spectest);
    free(subject->imports);
    if (subject->loaded)
        module_free(&subject->module);
    buffer_free(&subject->bytes);
    free(subject);
}

bool subject_is_torn(const struct subject *subject)
{
    return subject->settings->teardown != 0 && !subject->linked;
}

/* Imports and exports. */

const struct export *subject_export(const struct subject *subject, struct span name)
{
    for (uint32_t i = 0; i < subject->module.nexports; i++) {
        const struct export *export = &subject->module.exports[i];
        if (export->name.size == name.size && memcmp(export->name.data, name.data, name.size) == 0)
            return export;
    }
    return NULL;
}

void subject_extern(const struct subject *subject, const struct export *export,
                    struct extern_value *value)
{
    struct instance *instance = subject->instance;
    value->kind = export->kind;
    switch (export->kind) {
    case EXTERN_FUNC:
        value->of.function = (struct function *)funcref_of(instance, export->index);
        break;
    case EXTERN_TABLE: value->of.table = instance->tables[export->index]; break;
    case EXTERN_MEMORY: value->of.memory = instance->memory; break;
    default: value->of.global = instance->globals[export->index];
    }
}

static bool link_imports(struct subject *subject, importer import, void *context,
                         struct error *error)
{
    const struct module *module = &subject->module;
    subject->imports = calloc((size_t)module->nimports + 1, sizeof *subject->imports);
    if (!subject->imports)
        return error_set(error, ERROR_MEMORY, "no memory for the imports");
    for (uint32_t i = 0; i < module->nimports; i++)
        if (!import(context, subject, &module->imports[i], &subject->imports[i], error))
            return false;
    return true;
}

/* Teardown. */

/* A run of a subject: the execution, and what a snapshot says about it. */
struct run {
    struct subject *subject;
    struct execution execution;
    struct guest guest;
};

static bool capture(struct run *run, struct buffer *bytes, struct error *error)
{
    const struct capture_options options = {.reproducible = true};
    const struct sink sink = sink_into(bytes);
    run->guest.instance = run->subject->instance;
    return snapshot_capture(&run->guest, &options, &sink, error);
}

/* A bare instance, with a new `spectest` of its own. */
static bool rebuild(struct run *run, const struct buffer *bytes, bool stopped, struct error *error)
{
    const struct instance_options bare = {.bare = true};
    struct subject *subject = run->subject;
    struct snapshot snapshot;
    if (!spectest_create(&subject->spectest, error))
        return false;
    subject->spectest->stops = true;
    subject->spectest->stopped = stopped;
    for (uint32_t i = 0; i < subject->module.nimports; i++) {
        const struct import *import = &subject->module.imports[i];
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)import->name.size,
                 (const char *)import->name.data);
        spectest_export(subject->spectest, import->kind, name, &subject->imports[i]);
    }
    return instance_create(&subject->instance, &subject->module, subject->imports, &bare, error) &&
           execution_init(&run->execution, subject->instance, subject->settings->stack_size,
                          error) &&
           snapshot_open(&snapshot, bytes->data, bytes->size, error) &&
           snapshot_check_module(&snapshot, subject->bytes.data, subject->bytes.size, error) &&
           snapshot_restore(&snapshot, subject->instance, &run->execution, error);
}

/* Writes the run to bytes, destroys it, rebuilds it, and looks that it would write the same bytes
 * again: one state has one file. */
static bool tear_down(struct run *run, struct error *error)
{
    struct subject *subject = run->subject;
    struct buffer bytes = {0}, again = {0};
    bool stopped = subject->spectest && subject->spectest->stopped;
    bool good = capture(run, &bytes, error);
    if (good) {
        execution_free(&run->execution);
        instance_destroy(subject->instance);
        spectest_destroy(subject->spectest);
        subject->instance = NULL;
        subject->spectest = NULL;
        good = rebuild(run, &bytes, stopped, error) && capture(run, &again, error);
    }
    if (good && (bytes.size != again.size || memcmp(bytes.data, again.data, bytes.size) != 0))
        good = error_set(error, ERROR_SNAPSHOT, "restored, it is captured as other bytes");
    buffer_free(&bytes);
    buffer_free(&again);
    subject->work->teardowns++;
    return good;
}

/* Calls. */

/* The fuel up to the next teardown or the end of what the call may use; 0: that is used up. */
static uint32_t next_slice(const struct run *run)
{
    const struct settings *settings = run->subject->settings;
    uint32_t slice = subject_is_torn(run->subject) ? run->subject->countdown : INT32_MAX;
    uint64_t used = run->execution.fuel_used;
    if (!settings->fuel)
        return slice;
    uint64_t left = used < settings->fuel ? settings->fuel - used : 0;
    return left < slice ? (uint32_t)left : slice;
}

static bool go_on(struct run *run, enum run_status *status, struct error *error)
{
    struct subject *subject = run->subject;
    uint32_t slice;
    *status = RUN_OUT_OF_FUEL;
    while ((*status == RUN_OUT_OF_FUEL || *status == RUN_STOPPED) && (slice = next_slice(run))) {
        bool torn = subject_is_torn(subject);
        uint64_t before = run->execution.fuel_used;
        *status = execution_run(&run->execution, slice);
        if (!torn)
            continue;
        uint64_t used = run->execution.fuel_used - before;
        subject->countdown -= (uint32_t)(used < subject->countdown ? used : subject->countdown);
        if (subject->countdown == 0)
            subject->countdown = subject->settings->teardown;
        if ((*status == RUN_OUT_OF_FUEL || *status == RUN_STOPPED) && !tear_down(run, error))
            return false;
    }
    return true;
}

static bool put_trace_line(void *context, uint32_t depth, uint32_t funcidx, uint32_t offset)
{
    char text[32];
    (void)depth;
    int size = snprintf(text, sizeof text, "%" PRIu32 ":%" PRIu32 " ", funcidx, offset);
    buffer_put(context, text, (size_t)size);
    return true;
}

static bool take_outcome(const struct run *run, uint32_t funcidx, struct outcome *outcome,
                         struct error *error)
{
    const struct functype *type = module_functype(&run->subject->module, funcidx);
    bool limited = outcome->status == RUN_OUT_OF_FUEL || outcome->status == RUN_STOPPED;
    outcome->trap = run->execution.trap;
    snprintf(outcome->message, sizeof outcome->message, "%s",
             limited                      ? "out of fuel"
             : outcome->trap == TRAP_HOST ? run->execution.host_message
                                          : trap_message(outcome->trap));
    if (outcome->status == RUN_TRAP)
        execution_backtrace(&run->execution, put_trace_line, &outcome->trace);
    buffer_put_u8(&outcome->trace, 0);
    if (outcome->trace.failed)
        return error_set(error, ERROR_MEMORY, "no memory for a backtrace");
    if (outcome->status != RUN_DONE)
        return outcome->status == RUN_TRAP || limited ||
               error_set(error, ERROR_USAGE, "the run ended with status %d", outcome->status);
    outcome->type = type;
    outcome->results = calloc((size_t)type->nresults + 1, sizeof *outcome->results);
    if (!outcome->results)
        return error_set(error, ERROR_MEMORY, "no memory for results");
    for (uint32_t i = 0; i < type->nresults; i++)
        outcome->results[i] = execution_result(&run->execution, i);
    return true;
}

static bool call(struct subject *subject, bool started, uint32_t funcidx,
                 const union value *arguments, struct outcome *outcome, struct error *error)
{
    struct run run = {.subject = subject};
    *outcome = (struct outcome){.subject = subject};
    run.guest = (struct guest){.module = &subject->module,
                               .module_path = "spec",
                               .execution = &run.execution,
                               .started = started,
                               .entry = funcidx};
    memcpy(run.guest.module_hash, subject->hash, sizeof subject->hash);
    bool good =
        execution_init(&run.execution, subject->instance, subject->settings->stack_size, error) &&
        execution_call(&run.execution, funcidx, arguments, error) &&
        go_on(&run, &outcome->status, error) && take_outcome(&run, funcidx, outcome, error);
    if (good && outcome->trap != TRAP_STACK_EXHAUSTED)
        subject->work->fuel += run.execution.fuel_used;
    execution_free(&run.execution);
    return good;
}

bool subject_call(struct subject *subject, uint32_t funcidx, const union value *arguments,
                  struct outcome *outcome, struct error *error)
{
    return call(subject, true, funcidx, arguments, outcome, error);
}

bool subject_instantiate(struct subject *subject, importer import, void *context,
                         struct error *error)
{
    const struct module *module = &subject->module;
    struct outcome outcome;
    subject->countdown = subject->settings->teardown;
    if (!link_imports(subject, import, context, error) ||
        !instance_create(&subject->instance, module, subject->imports, NULL, error))
        return false;
    if (!module->has_start)
        return true;
    bool good = call(subject, false, module->start, NULL, &outcome, error);
    if (good && outcome.status != RUN_DONE)
        good = error_set(error, ERROR_TRAP, "%s", outcome.message);
    outcome_free(&outcome);
    return good;
}
