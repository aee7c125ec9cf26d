/* test_liveness.c - what is live at each site, of functions written down here with the answer. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "check.h"
#include "lower/liveness.h"
#include "wasm/opcodes.h"

#define GET(n)    WASM_LOCAL_GET, n
#define SET(n)    WASM_LOCAL_SET, n
#define TEE(n)    WASM_LOCAL_TEE, n
#define CALL      WASM_CALL, 0
#define BR(n)     WASM_BR, n
#define BR_IF(n)  WASM_BR_IF, n
#define BLOCK     WASM_BLOCK, 0x40
#define LOOP      WASM_LOOP, 0x40
#define IF        WASM_IF, 0x40
#define ELSE      WASM_ELSE
#define END       WASM_END
#define DROP      WASM_DROP
#define ZERO      WASM_I32_CONST, 0
#define CODE(...) ((const uint8_t[]){__VA_ARGS__, END}), sizeof((const uint8_t[]){__VA_ARGS__, END})

/* Writes each site as a letter and the live locals' digits: "e01 c1 ". */
static bool describe(void *context, const struct site *site, const uint64_t *live)
{
    static const char letters[] = "elch";
    char **to = context;
    *(*to)++ = letters[site->kind];
    for (uint32_t i = 0; i < 10; i++)
        if (is_live(live, i))
            *(*to)++ = (char)('0' + i);
    *(*to)++ = ' ';
    **to = 0;
    return true;
}

/* Function 1 has 10 locals of type i32 and this code; function 0 is [] -> [] and does nothing. */
static void expect(const char *sites, const uint8_t *code, size_t size)
{
    static const uint8_t head[] = {0, 'a',  's', 'm', 1, 0, 0, 0, 1, 4,
                                   1, 0x60, 0,   0,   3, 3, 2, 0, 0, 10};
    struct buffer bytes = {0};
    struct module module;
    struct error error = {0};
    char found[256] = "", *to = found;
    buffer_put(&bytes, head, sizeof head);
    buffer_put_u8(&bytes, (uint8_t)(size + 8));
    buffer_put(&bytes, (const uint8_t[]){2, 2, 0, END, (uint8_t)(size + 3), 1, 10, TYPE_I32}, 8);
    buffer_put(&bytes, code, size);
    bool good = module_load(&module, bytes.data, bytes.size, &error);
    if (good) {
        good = lower_liveness(&module, 1, describe, &to, &error);
        module_free(&module);
    }
    if (!check(good && strcmp(found, sites) == 0, sites))
        printf("  instead: %s %s\n", found, error.message);
    buffer_free(&bytes);
}

static void test_straight(void)
{
    expect("e c ", CODE(CALL));
    expect("e0 c0 ", CODE(CALL, GET(0), DROP));
    expect("e0 c1 c ", CODE(GET(0), SET(1), CALL, GET(1), SET(2), CALL));
    expect("e0 c ", CODE(GET(0), TEE(0), DROP, CALL));
    /* The operand below the call stands for local 3, which nobody reads any more. */
    expect("e3 c3 ", CODE(GET(3), CALL, DROP));
    expect("e3 c ", CODE(GET(3), ZERO, SET(3), CALL, DROP));
}

static void test_blocks(void)
{
    expect("e01 c1 c0 ", CODE(GET(0), IF, CALL, GET(1), DROP, ELSE, CALL, GET(0), DROP, END));
    expect("e012 c12 ", CODE(GET(0), IF, CALL, GET(1), DROP, END, GET(2), DROP));
    expect("e01 c1 c ", CODE(BLOCK, GET(0), BR_IF(0), CALL, END, GET(1), DROP, CALL));
    expect("e01 c01 c1 ",
           CODE(BLOCK, CALL, GET(0), BR_IF(0), ZERO, SET(1), END, CALL, GET(1), DROP));
    expect("e01 c1 ", CODE(GET(0), IF, WASM_RETURN, END, CALL, GET(1), DROP));
    expect("e0 c c ", CODE(GET(0), IF, CALL, WASM_UNREACHABLE, END, CALL));
    /* What cannot be reached reads nothing and has no sites. */
    expect("e c ", CODE(CALL, WASM_RETURN, GET(5), DROP, CALL));
    expect("e012 c0 c1 c2 ",
           CODE(BLOCK, BLOCK, BLOCK, GET(0), WASM_BR_TABLE, 2, 0, 1, 2, END, CALL, GET(0), DROP,
                WASM_RETURN, END, CALL, GET(1), DROP, WASM_RETURN, END, CALL, GET(2), DROP));
}

static void test_loops(void)
{
    expect("e0 l0 c0 ", CODE(LOOP, CALL, GET(0), BR_IF(0), END));
    /* Local 1 is read at the start of the next round only. */
    expect("e01 l01 c01 ", CODE(LOOP, GET(1), DROP, CALL, GET(0), BR_IF(0), END));
    expect("e0 l0 c0 ", CODE(LOOP, ZERO, SET(1), GET(1), DROP, CALL, GET(0), BR_IF(0), END));
    /* The inner loop must know what the outer one's next round reads. */
    expect("e012 l012 l012 c012 ",
           CODE(LOOP, GET(2), DROP, LOOP, CALL, GET(0), BR_IF(0), END, GET(1), BR_IF(0), END));
    expect("e0123 l0123 l0123 l0123 c0123 ",
           CODE(LOOP, GET(3), DROP, LOOP, LOOP, CALL, GET(0), BR_IF(0), END, GET(1), BR_IF(0), END,
                GET(2), BR_IF(0), END));
    expect("e l c ", CODE(LOOP, CALL, BR(0), END, GET(1), DROP));
}

int main(void)
{
    test_straight();
    test_blocks();
    test_loops();
    return checks_end();
}
