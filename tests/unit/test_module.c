/* test_module.c - decoder and validator: where errors point and what they say, canonical types,
 * names, and modules made to take much time or memory. The rules themselves are covered by the
 * official tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "check.h"
#include "wasm/module.h"
#include "wasm/opcodes.h"

/* Modules are written as header + sections, each a list of bytes. */

#define HEADER      0, 'a', 's', 'm', 1, 0, 0, 0
#define TYPE_VOID   1, 4, 1, 0x60, 0, 0 /* type 0: [] -> [] */
#define ONE_FUNC    3, 2, 1, 0
#define MODULE(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})
/* One function [] -> [] of that many bytes, its local declarations included. The body starts at
 * byte 22 of the module. */
#define BODY(size, ...) MODULE(HEADER, TYPE_VOID, ONE_FUNC, 10, (size) + 2, 1, (size), __VA_ARGS__)
#define BODY_START      22

static void accepts(const char *what, const uint8_t *bytes, size_t size)
{
    struct module module;
    struct error error = {0};
    bool good = module_load(&module, bytes, size, &error);
    check(good, what);
    if (good)
        module_free(&module);
    else
        printf("  %s at %llu\n", error.message, (unsigned long long)error.offset);
}

static void refuses(enum error_kind kind, uint64_t offset, const char *message,
                    const uint8_t *bytes, size_t size)
{
    struct module module;
    struct error error = {0};
    bool good = module_load(&module, bytes, size, &error);
    bool same = !good && error.kind == kind && error.offset == offset &&
                strncmp(error.message, message, strlen(message)) == 0;
    check(same, message);
    if (good)
        module_free(&module);
    else if (!same)
        printf("  instead: kind %d at %llu: %s\n", error.kind, (unsigned long long)error.offset,
               error.message);
}

static void test_malformed(void)
{
    refuses(ERROR_MALFORMED, 0, "unexpected end", NULL, 0);
    refuses(ERROR_MALFORMED, 0, "magic header not detected", MODULE('G', 'I', 'F', '8', 1, 2));
    refuses(ERROR_MALFORMED, 4, "unknown binary version", MODULE(0, 'a', 's', 'm', 2, 0, 0, 0));
    refuses(ERROR_MALFORMED, 8, "malformed section id", MODULE(HEADER, 14, 0));
    refuses(ERROR_MALFORMED, 8, "length out of bounds", MODULE(HEADER, 1, 5, 0));
    refuses(ERROR_MALFORMED, 11, "section size mismatch", MODULE(HEADER, 1, 2, 0, 0));
    refuses(ERROR_MALFORMED, 11, "unexpected content after last section",
            MODULE(HEADER, 3, 1, 0, 1, 1, 0));
    refuses(ERROR_MALFORMED, 9, "integer representation too long",
            MODULE(HEADER, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0));
    refuses(ERROR_MALFORMED, 9, "integer too large",
            MODULE(HEADER, 1, 0x80, 0x80, 0x80, 0x80, 0x10));
    refuses(ERROR_MALFORMED, 11, "malformed UTF-8 encoding", MODULE(HEADER, 0, 2, 1, 0xFF));
    refuses(ERROR_MALFORMED, 18, "function and code section have inconsistent lengths",
            MODULE(HEADER, TYPE_VOID, ONE_FUNC));
    refuses(ERROR_MALFORMED, 11, "data count and data section have inconsistent lengths",
            MODULE(HEADER, 12, 1, 1));
    refuses(ERROR_MALFORMED, BODY_START + 2, "unexpected end of section or function",
            BODY(2, 0, WASM_NOP));
    refuses(ERROR_MALFORMED, BODY_START + 1, "illegal opcode 0xFF", BODY(3, 0, 0xFF, WASM_END));
    refuses(ERROR_MALFORMED, BODY_START + 1, "END opcode expected",
            BODY(3, 0, WASM_ELSE, WASM_END));
    refuses(ERROR_MALFORMED, BODY_START + 2, "section size mismatch",
            BODY(3, 0, WASM_END, WASM_END));
    refuses(ERROR_MALFORMED, BODY_START + 1, "data count section required",
            BODY(5, 0, 0xFC, 9, 0, WASM_END));
}

static void test_invalid(void)
{
    refuses(ERROR_INVALID, BODY_START + 5, "type mismatch: i32.add expects i32, found i64",
            BODY(8, 0, WASM_I64_CONST, 1, WASM_I64_CONST, 2, WASM_I32_ADD, WASM_DROP, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 1, "type mismatch: drop finds too few operands",
            BODY(3, 0, WASM_DROP, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 3, "type mismatch: values remain",
            BODY(4, 0, WASM_I32_CONST, 1, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 1, "unknown local 7",
            BODY(5, 0, WASM_LOCAL_GET, 7, WASM_DROP, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 1, "unknown label 1", BODY(4, 0, WASM_BR, 1, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 1, "unknown function 1",
            BODY(4, 0, WASM_CALL, 1, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 3, "unknown memory 0",
            BODY(8, 0, WASM_I32_CONST, 0, WASM_I32_LOAD, 2, 0, WASM_DROP, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 1, "undeclared function reference",
            BODY(5, 0, WASM_REF_FUNC, 0, WASM_DROP, WASM_END));
    refuses(ERROR_INVALID, 17, "unknown type 1", MODULE(HEADER, TYPE_VOID, 3, 2, 1, 1));
    refuses(ERROR_INVALID, 11, "size minimum must not be greater than maximum",
            MODULE(HEADER, 5, 4, 1, 1, 2, 1));
    refuses(ERROR_INVALID, 21, "duplicate export name",
            MODULE(HEADER, 5, 3, 1, 0, 1, 7, 9, 2, 1, 'm', 2, 0, 1, 'm', 2, 0));
    refuses(ERROR_INVALID, 13, "constant expression required",
            MODULE(HEADER, 6, 5, 1, TYPE_I32, 0, WASM_NOP, WASM_END));
    refuses(ERROR_INVALID, 13, "unknown global 0",
            MODULE(HEADER, 6, 6, 1, TYPE_I32, 0, WASM_GLOBAL_GET, 0, WASM_END));
}

static void test_unsupported(void)
{
    refuses(ERROR_UNSUPPORTED, BODY_START + 1, "SIMD (opcode 0xFD 0x0F) is not supported",
            BODY(5, 0, 0xFD, 15, WASM_DROP, WASM_END));
    refuses(ERROR_UNSUPPORTED, BODY_START + 1, "threads (opcode 0xFE 0x03) is not supported",
            BODY(5, 0, 0xFE, 3, 0, WASM_END));
    refuses(ERROR_UNSUPPORTED, BODY_START + 1, "exception handling",
            BODY(5, 0, 0x06, 0x40, WASM_END, WASM_END));
    refuses(ERROR_UNSUPPORTED, 11, "garbage collection", MODULE(HEADER, 1, 4, 1, 0x5F, 0, 0));
    refuses(ERROR_UNSUPPORTED, 11, "memory64", MODULE(HEADER, 5, 3, 1, 4, 1));
    refuses(ERROR_UNSUPPORTED, 13, "more than one memory", MODULE(HEADER, 5, 5, 2, 0, 1, 0, 1));
    refuses(ERROR_UNSUPPORTED, 4, "the component model", MODULE(0, 'a', 's', 'm', 0x0D, 0, 1, 0));
}

/* Modules that ask for much in few bytes. */
static void test_hostile_counts(void)
{
    refuses(ERROR_MALFORMED, 10, "length out of bounds",
            MODULE(HEADER, 1, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F));
    refuses(ERROR_MALFORMED, 16, "length out of bounds",
            MODULE(HEADER, 1, 4, 1, 0x60, 0, 0, 3, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F));
    refuses(ERROR_UNSUPPORTED, BODY_START + 1, "too many locals",
            BODY(8, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, TYPE_I32, WASM_END));
    refuses(ERROR_UNSUPPORTED, BODY_START + 3, "too many locals",
            BODY(9, 2, 1, TYPE_I32, 0xFF, 0xFF, 0xFF, 0x7F, TYPE_I32, WASM_END));
    /* 50,000 locals, the last one used: an i64 in the second run. */
    accepts("as many locals as there may be",
            BODY(13, 2, 1, TYPE_I32, 0xCF, 0x86, 0x03, TYPE_I64, WASM_LOCAL_GET, 0xCF, 0x86, 0x03,
                 WASM_DROP, WASM_END));
    refuses(ERROR_INVALID, BODY_START + 11, "type mismatch: i32.eqz expects i32, found i64",
            BODY(14, 2, 1, TYPE_I32, 0xCF, 0x86, 0x03, TYPE_I64, WASM_LOCAL_GET, 0xCF, 0x86, 0x03,
                 WASM_I32_EQZ, WASM_DROP, WASM_END));
}

/* A section in `to`: id, size in five bytes, contents. */
static void put_section(struct buffer *to, uint8_t id, const struct buffer *contents)
{
    uint32_t size = (uint32_t)contents->size;
    buffer_put_u8(to, id);
    for (unsigned shift = 0; shift < 28; shift += 7)
        buffer_put_u8(to, (uint8_t)(size >> shift | 0x80));
    buffer_put_u8(to, (uint8_t)(size >> 28));
    buffer_put(to, contents->data, contents->size);
}

static void put_count(struct buffer *to, uint32_t count)
{
    for (; count >= 0x80; count >>= 7)
        buffer_put_u8(to, (uint8_t)(count | 0x80));
    buffer_put_u8(to, (uint8_t)count);
}

#define MANY 300000u

/* MANY functions of one type, each `body`. */
static struct buffer many_functions(const struct buffer *types, const uint8_t *body, size_t size)
{
    struct buffer module = {0}, funcs = {0}, code = {0};
    buffer_put(&module, MODULE(HEADER));
    put_section(&module, 1, types);
    put_count(&funcs, MANY);
    put_count(&code, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        buffer_put_u8(&funcs, 0);
        buffer_put_u8(&code, (uint8_t)size);
        buffer_put(&code, body, size);
    }
    put_section(&module, 3, &funcs);
    put_section(&module, 10, &code);
    buffer_free(&funcs);
    buffer_free(&code);
    return module;
}

/* Seconds are generous: what they catch is time that grows with the square, or with a count. */
#define SECONDS_MAX 5.0

static void loads_fast(const char *what, struct buffer *bytes)
{
    clock_t start = clock();
    accepts(what, bytes->data, bytes->size);
    check((double)(clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX, what);
    buffer_free(bytes);
}

static void test_hostile_time(void)
{
    struct buffer types = {0};
    buffer_put(&types, MODULE(1, 0x60, 0, 0));
    struct buffer module = many_functions(&types, MODULE(1, 0xD0, 0x86, 0x03, TYPE_I64, WASM_END));
    loads_fast("many functions of 50,000 locals each", &module);
    buffer_free(&types);

    put_count(&types, MANY); /* all different: 19 parameters are the digits of i */
    for (uint32_t i = 0; i < MANY; i++) {
        buffer_put(&types, MODULE(0x60, 19));
        for (unsigned bit = 0; bit < 19; bit++)
            buffer_put_u8(&types, i >> bit & 1 ? TYPE_I32 : TYPE_I64);
        buffer_put_u8(&types, 0);
    }
    module = (struct buffer){0};
    buffer_put(&module, MODULE(HEADER));
    put_section(&module, 1, &types);
    loads_fast("many types", &module);
    buffer_free(&types);
}

/* Two bytes of a call push 1,000 values: the operand stack has an end. */
static void test_operand_limit(void)
{
    struct buffer types = {0}, body = {0}, code = {0}, module = {0};
    buffer_put(&types, MODULE(1, 0x60, 0, 0xE8, 0x07));
    for (unsigned i = 0; i < 1000; i++)
        buffer_put_u8(&types, TYPE_I32);
    buffer_put_u8(&body, 0);
    for (unsigned i = 0; i < 1001; i++)
        buffer_put(&body, MODULE(WASM_CALL, 0));
    buffer_put(&body, MODULE(WASM_UNREACHABLE, WASM_END));
    put_count(&code, 1);
    put_count(&code, (uint32_t)body.size);
    buffer_put(&code, body.data, body.size);
    buffer_put(&module, MODULE(HEADER));
    put_section(&module, 1, &types);
    buffer_put(&module, MODULE(ONE_FUNC));
    put_section(&module, 10, &code);
    refuses(ERROR_UNSUPPORTED, module.size - 4, "more than 1000000 operands", module.data,
            module.size);
    buffer_free(&types);
    buffer_free(&body);
    buffer_free(&code);
    buffer_free(&module);
}

static void test_types(void)
{
    struct module module;
    check(module_load(&module,
                      MODULE(HEADER, 1, 19, 5, 0x60, 0, 0, 0x60, 1, TYPE_I32, 0, 0x60, 0, 1,
                             TYPE_I32, 0x60, 1, TYPE_I32, 0, 0x60, 0, 0),
                      NULL),
          "equal types");
    check(module.ntypes == 5 && module.types[0].canonical == 0 && module.types[1].canonical == 1 &&
              module.types[2].canonical == 2 && module.types[3].canonical == 1 &&
              module.types[4].canonical == 0,
          "equal types have the number of the first");
    module_free(&module);
}

static uint32_t max_operands(const uint8_t *bytes, size_t size)
{
    struct module module;
    if (!module_load(&module, bytes, size, NULL))
        return UINT32_MAX;
    uint32_t max = module.funcs[0].max_operands;
    module_free(&module);
    return max;
}

static void test_max_operands(void)
{
    check(max_operands(BODY(2, 0, WASM_END)) == 0, "an empty body has no operands");
    check(max_operands(BODY(9, 0, WASM_I32_CONST, 1, WASM_I32_CONST, 2, WASM_I32_ADD, WASM_DROP,
                            WASM_NOP, WASM_END)) == 2,
          "two operands");
    check(max_operands(BODY(9, 0, WASM_UNREACHABLE, WASM_I32_CONST, 1, WASM_I32_CONST, 2,
                            WASM_I32_ADD, WASM_DROP, WASM_END)) >= 2,
          "unreachable code counts");
}

/* Function 0 is called "a\x01\xFF\xC3\xA9", function 1 only has an export, function 2 nothing. */
static const uint8_t named[] = {
    HEADER, TYPE_VOID, 3,   4,   3, 0, 0,        0, 7, 7,        1, 3,    'r',      'u', 'n', 0,
    1,      10,        10,  3,   2, 0, WASM_END, 2, 0, WASM_END, 2, 0,    WASM_END, 0,   15,  4,
    'n',    'a',       'm', 'e', 1, 8, 1,        0, 5, 'a',      1, 0xFF, 0xC3,     0xA9};

static void test_names(void)
{
    struct module module;
    char text[16];
    struct error error = {0};
    if (!module_load(&module, named, sizeof named, &error)) {
        printf("  %s at %llu\n", error.message, (unsigned long long)error.offset);
        check(false, "a module with names");
        return;
    }
    check(strcmp(module_func_label(&module, 0, text, sizeof text), "a??\xC3\xA9") == 0,
          "a name, with what cannot be shown replaced");
    check(strcmp(module_func_label(&module, 0, text, 5), "a??") == 0, "no half of a character");
    check(strcmp(module_func_label(&module, 1, text, sizeof text), "run") == 0, "an export's name");
    check(strcmp(module_func_label(&module, 2, text, sizeof text), "func[2]") == 0, "no name");
    check(strcmp(module_func_label(&module, 2, text, 4), "fun") == 0, "a label that is cut");
    check(module_func_name(&module, 2).size == 0, "an empty name");
    const struct export *run = module_export(&module, EXTERN_FUNC, "run");
    check(run && run->index == 1, "an export");
    check(!module_export(&module, EXTERN_MEMORY, "run"), "an export of another kind");
    module_free(&module);
}

static void test_opcodes(void)
{
    check(strcmp(opcode_info(WASM_I32_ADD)->text, "i32.add") == 0, "i32.add");
    check(strcmp(opcode_info(WASM_TABLE_FILL)->text, "table.fill") == 0, "table.fill");
    check(!opcode_info(0xFF)->text && !opcode_info(OPCODE_OF(0xFC, 0x12))->text &&
              !opcode_info(0x100)->text && !opcode_info(UINT32_MAX)->text,
          "what is no opcode");
}

/* A module that is cut short is refused, but where a section ends that may be the last. */
static void test_cuts(void)
{
    size_t refused = 0;
    for (size_t size = 0; size < sizeof named; size++) {
        struct module module;
        uint8_t *cut = malloc(size ? size : 1); /* so that a sanitizer sees its end */
        if (!cut)
            break;
        memcpy(cut, named, size);
        if (module_load(&module, cut, size, NULL))
            module_free(&module);
        else
            refused++;
        free(cut);
    }
    /* After the header, the type section, and the code section a whole module ends. */
    check(refused == sizeof named - 3, "modules that are cut short");
}

int main(void)
{
    test_malformed();
    test_invalid();
    test_unsupported();
    test_hostile_counts();
    test_hostile_time();
    test_operand_limit();
    test_types();
    test_max_operands();
    test_names();
    test_opcodes();
    test_cuts();
    return checks_end();
}
