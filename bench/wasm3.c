/* wasm3.c - a command around wasm3's library, for comparison: the package that carries its source
 * has no WASI. Has as much of it as the benchmarks call: arguments, output, the clock. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wasm3.h"

#define ARGUMENT(type, name) type name = (type) * _sp++
#define SUCCESS              0
#define BADF                 8
#define NOSYS                52

static int guest_argc;
static char **guest_argv;

static void *at(void *memory, uint32_t offset)
{
    return (char *)memory + offset;
}

static const void *args_sizes_get(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                                  void *memory)
{
    uint64_t *result = _sp++;
    ARGUMENT(uint32_t, count);
    ARGUMENT(uint32_t, size);
    uint32_t bytes = 0;
    for (int i = 0; i < guest_argc; i++)
        bytes += (uint32_t)strlen(guest_argv[i]) + 1;
    memcpy(at(memory, count), &guest_argc, 4);
    memcpy(at(memory, size), &bytes, 4);
    *result = SUCCESS;
    return NULL;
}

static const void *args_get(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                            void *memory)
{
    uint64_t *result = _sp++;
    ARGUMENT(uint32_t, pointers);
    ARGUMENT(uint32_t, bytes);
    for (int i = 0; i < guest_argc; i++) {
        memcpy(at(memory, pointers + 4 * (uint32_t)i), &bytes, 4);
        strcpy(at(memory, bytes), guest_argv[i]);
        bytes += (uint32_t)strlen(guest_argv[i]) + 1;
    }
    *result = SUCCESS;
    return NULL;
}

static const void *environ_sizes_get(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                                     void *memory)
{
    uint64_t *result = _sp++;
    ARGUMENT(uint32_t, count);
    ARGUMENT(uint32_t, size);
    memset(at(memory, count), 0, 4);
    memset(at(memory, size), 0, 4);
    *result = SUCCESS;
    return NULL;
}

static const void *fd_write(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                            void *memory)
{
    uint64_t *result = _sp++;
    ARGUMENT(uint32_t, fd);
    ARGUMENT(uint32_t, vectors);
    ARGUMENT(uint32_t, count);
    ARGUMENT(uint32_t, written);
    uint32_t total = 0, vector[2];
    for (uint32_t i = 0; i < count; i++) {
        memcpy(vector, at(memory, vectors + 8 * i), 8);
        total += (uint32_t)fwrite(at(memory, vector[0]), 1, vector[1], fd == 2 ? stderr : stdout);
    }
    memcpy(at(memory, written), &total, 4);
    *result = SUCCESS;
    return NULL;
}

static const void *fd_fdstat_get(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                                 void *memory)
{
    uint64_t *result = _sp++;
    ARGUMENT(uint32_t, fd);
    ARGUMENT(uint32_t, stat);
    memset(at(memory, stat), 0, 24);
    *(uint8_t *)at(memory, stat) = 2; /* a character device */
    *result = fd <= 2 ? SUCCESS : BADF;
    return NULL;
}

static const void *clock_time_get(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                                  void *memory)
{
    struct timespec now;
    uint64_t *result = _sp++;
    ARGUMENT(uint32_t, clock);
    ARGUMENT(uint64_t, precision);
    ARGUMENT(uint32_t, time);
    clock_gettime(clock == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    uint64_t nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    memcpy(at(memory, time), &nanoseconds, 8);
    *result = SUCCESS;
    return NULL;
}

static const void *random_get(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                              void *memory)
{
    uint64_t *result = _sp++;
    ARGUMENT(uint32_t, bytes);
    ARGUMENT(uint32_t, size);
    memset(at(memory, bytes), 42, size);
    *result = SUCCESS;
    return NULL;
}

static const void *bad_descriptor(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                                  void *memory)
{
    *_sp = BADF;
    return NULL;
}

static const void *no_system_call(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                                  void *memory)
{
    *_sp = NOSYS;
    return NULL;
}

static const void *proc_exit(IM3Runtime runtime, IM3ImportContext context, uint64_t *_sp,
                             void *memory)
{
    fflush(stdout);
    exit((int)(uint32_t)*_sp);
}

static const struct {
    const char *name, *signature;
    M3RawCall call;
} functions[] = {
    {"args_sizes_get", "i(ii)", args_sizes_get},
    {"args_get", "i(ii)", args_get},
    {"environ_sizes_get", "i(ii)", environ_sizes_get},
    {"environ_get", "i(ii)", no_system_call},
    {"fd_write", "i(iiii)", fd_write},
    {"fd_fdstat_get", "i(ii)", fd_fdstat_get},
    {"fd_fdstat_set_flags", "i(ii)", no_system_call},
    {"fd_prestat_get", "i(ii)", bad_descriptor},
    {"fd_prestat_dir_name", "i(iii)", bad_descriptor},
    {"fd_close", "i(i)", bad_descriptor},
    {"fd_seek", "i(iIii)", bad_descriptor},
    {"fd_read", "i(iiii)", bad_descriptor},
    {"clock_time_get", "i(iIi)", clock_time_get},
    {"random_get", "i(ii)", random_get},
    {"sched_yield", "i()", no_system_call},
    {"poll_oneoff", "i(iiii)", no_system_call},
    {"proc_exit", "v(i)", proc_exit},
};

static int refuse(const char *what, const char *reason)
{
    fprintf(stderr, "wasm3: %s: %s\n", what, reason);
    return 125;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[64 << 20];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!file)
        return refuse(argc > 1 ? argv[1] : "usage", "wasm3 APP.wasm ARGUMENTS");
    uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    guest_argc = argc - 1;
    guest_argv = argv + 1;
    IM3Environment environment = m3_NewEnvironment();
    IM3Runtime runtime = m3_NewRuntime(environment, 8 << 20, NULL);
    IM3Module module;
    IM3Function start;
    M3Result result = m3_ParseModule(environment, &module, bytes, size);
    if (!result)
        result = m3_LoadModule(runtime, module);
    if (result)
        return refuse(argv[1], result);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        m3_LinkRawFunction(module, "wasi_snapshot_preview1", functions[i].name,
                           functions[i].signature, functions[i].call);
    result = m3_FindFunction(&start, runtime, "_start");
    if (!result)
        result = m3_CallV(start);
    fflush(stdout);
    return result ? refuse(argv[1], result) : 0;
}
