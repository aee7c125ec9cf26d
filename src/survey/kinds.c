/* kinds.c - for whom a module was made, told by what it imports. */
#include <string.h>

#include "survey/surveying.h"

/* Patterns of an import's module and name; * stands for anything. The first line that fits an
 * import tells of it. Lines of one `what` belong together. */
struct known {
    const char *module, *name;
    const char *what;
};

/* clang-format off */
#define EMSCRIPTEN   "an Emscripten module, made for its JavaScript (with -sSTANDALONE_WASM it becomes a WASI command, " \
                     "as far as it uses no JavaScript itself)"
#define BINDGEN      "a wasm-bindgen module, made for JavaScript (in Rust, a program for --target wasm32-wasip1 without " \
                     "wasm-bindgen runs)"
#define GO_JS        "a Go module for JavaScript (GOOS=js; build it with GOOS=wasip1)"
#define N_API        "a plug-in of Node (N-API), made for Node's functions"
#define PROXY        "a plug-in of a proxy such as Envoy (proxy-wasm)"
#define EXTISM       "a plug-in of Extism"
#define ASSEMBLY     "an AssemblyScript module, made for JavaScript (build it with wasi-shim)"
#define PREVIEW2     "the core module of a component, made for WASI 0.2 (build it for preview 1, in Rust --target " \
                     "wasm32-wasip1)"
#define PREVIEW3     "the core module of a component, made for WASI 0.3 (build it for preview 1)"
#define COMPONENT    "the core module of a component, made for interfaces of its own world"
#define THREADS      "a module with wasi-threads, each of which needs a thread of the host's"
#define DYNAMIC      "a part of a program that a dynamic linker puts together (as Emscripten's and wasi-sdk's)"
#define BUILTINS     "a module that takes strings from JavaScript (JS string builtins)"
#define UNSTABLE     "a module for a wasi_unstable that has more than WASI's first snapshot had"
#define WASMEDGE     "a module for WasmEdge, which has functions beyond WASI preview 1"
#define WASIX        "a WASIX module, made for Wasmer"
#define PROPOSED     "a module for a proposed part of WASI (wasi-nn, wasi-crypto and the like)"
#define DOTNET       "a .NET module, made for its JavaScript (Blazor)"
#define RUBY         "a Ruby that talks to JavaScript"
#define COSMWASM     "a contract for CosmWasm"
#define INK          "a contract or runtime for Substrate (Polkadot)"
#define NEAR         "a contract for NEAR"
#define STYLUS       "a contract for Arbitrum Stylus"
#define ICP          "a canister of the Internet Computer"
#define EOSIO        "a contract for EOSIO"
#define EWASM        "a contract for Ethereum's eWASM"
#define SOROBAN      "a contract for Stellar (Soroban)"
#define FASTLY       "a service for Fastly Compute"
#define OPA          "a policy of Open Policy Agent"
#define WAPC         "a waPC module, such as a policy of Kubewarden"
#define LUNATIC      "a process of Lunatic"
#define SPIN         "a component of Fermyon Spin, version 1"
#define HTTP_WASM    "a handler for http-wasm"
#define TYPST        "a plug-in of Typst"
#define EXTERNREF    "a module made for functions and variables of JavaScript"
#define TESTS        "a module of WebAssembly's test suite"
#define OWN_WASI     "a module for another WASI than preview 1 is"

static const struct known known[] = {
    {"wasi_unstable", "*", UNSTABLE},
    {"wasi", "thread-spawn", THREADS},
    {"wasi_snapshot_preview1", "thread-spawn", THREADS},
    {"wasi_snapshot_preview1", "sock_*", WASMEDGE},
    {"wasmedge*", "*", WASMEDGE},
    {"wasix_*", "*", WASIX},
    {"wasi_ephemeral_*", "*", PROPOSED},
    {"wasi_experimental_*", "*", PROPOSED},
    {"wasi_snapshot_preview1", "*", OWN_WASI},
    {"wasi_snapshot_preview2", "*", PREVIEW2},
    {"wbg", "*", BINDGEN},
    {"__wbindgen*", "*", BINDGEN},
    {"*_bg.js", "*", BINDGEN},
    {"*", "__wbindgen_*", BINDGEN},
    {"*", "__wbg_*", BINDGEN},
    {"go", "*", GO_JS},
    {"gojs", "*", GO_JS},
    {"*", "syscall/js.*", GO_JS},
    {"*", "napi_*", N_API},
    {"*", "node_api_*", N_API},
    {"napi", "*", N_API},
    {"emnapi", "*", N_API},
    {"*", "_emnapi_*", N_API},
    {"*", "emnapi_*", N_API},
    {"env", "proxy_*", PROXY},
    {"extism:*", "*", EXTISM},
    {"env", "extism_*", EXTISM},
    {"shopify_function*", "*", "a function of Shopify's"},
    {"spin*", "*", SPIN},
    {"fermyon:spin/*", "*", SPIN},
    {"wasi:*@0.2*", "*", PREVIEW2},
    {"wasi:*@0.3*", "*", PREVIEW3},
    {"[export]wasi:*@0.2*", "*", PREVIEW2},
    {"[export]wasi:*@0.3*", "*", PREVIEW3},
    {"cm32p2*", "*", PREVIEW2},
    {"wasi:*", "*", PREVIEW2},
    {"*:*/*", "*", COMPONENT},
    {"$root", "*", COMPONENT},
    {"[export]*", "*", COMPONENT},
    {"__main_module__", "*", COMPONENT},
    {"*", "[resource-*", COMPONENT},
    {"GOT.*", "*", DYNAMIC},
    {"wasm:*", "*", BUILTINS},
    {"dart*", "*", "a Dart module, made for JavaScript"},
    {"js_code*", "*", "a Kotlin module, made for JavaScript"},
    {"teavm*", "*", "a Java module by TeaVM, made for its JavaScript"},
    {"rb-js-abi-host", "*", RUBY},
    {"canonical_abi", "*", RUBY},
    {"env", "mono_*", DOTNET},
    {"env", "dotnet_*", DOTNET},
    {"seal*", "*", INK},
    {"env", "ext_*_version_*", INK},
    {"env", "seal_*", INK},
    {"vm_hooks", "*", STYLUS},
    {"ic0", "*", ICP},
    {"ethereum", "*", EWASM},
    {"fastly_*", "*", FASTLY},
    {"env", "opa_*", OPA},
    {"wapc", "*", WAPC},
    {"lunatic::*", "*", LUNATIC},
    {"http_handler", "*", HTTP_WASM},
    {"typst_env", "*", TYPST},
    {"spectest", "*", TESTS},
    {"env", "addr_validate", COSMWASM},
    {"env", "addr_humanize", COSMWASM},
    {"env", "db_*", COSMWASM},
    {"env", "promise_*", NEAR},
    {"env", "storage_*", NEAR},
    {"env", "predecessor_account_id", NEAR},
    {"env", "eosio_*", EOSIO},
    {"env", "*emscripten_*", EMSCRIPTEN},
    {"env", "__syscall_*", EMSCRIPTEN},
    {"env", "__sys_*", EMSCRIPTEN},
    {"env", "invoke_*", EMSCRIPTEN},
    {"env", "_embind_*", EMSCRIPTEN},
    {"env", "_emval_*", EMSCRIPTEN},
    {"env", "__cxa_*", EMSCRIPTEN},
    {"env", "__assert_fail", EMSCRIPTEN},
    {"env", "_abort_js", EMSCRIPTEN},
    {"env", "_tzset_js", EMSCRIPTEN},
    {"env", "_mmap_js", EMSCRIPTEN},
    {"env", "_munmap_js", EMSCRIPTEN},
    {"env", "abortOnCannotGrowMemory", EMSCRIPTEN},
    {"env", "abortStackOverflow", EMSCRIPTEN},
    {"env", "setTempRet0", EMSCRIPTEN},
    {"env", "getTempRet0", EMSCRIPTEN},
    {"env", "_dlopen_js", EMSCRIPTEN},
    {"asm2wasm", "*", EMSCRIPTEN},
    {"a", "?", EMSCRIPTEN},
    {"a", "??", EMSCRIPTEN},
};
/* clang-format on */

static bool fits(const char *pattern, struct span text)
{
    if (*pattern == 0)
        return text.size == 0;
    if (*pattern == '*' && !pattern[1])
        return true;
    if (*pattern == '*') {
        for (;; text.data++, text.size--) {
            if (fits(pattern + 1, text))
                return true;
            if (text.size == 0)
                return false;
        }
    }
    return text.size && (*pattern == '?' || (uint8_t)*pattern == *text.data) &&
           fits(pattern + 1, (struct span){text.data + 1, text.size - 1});
}

/* AssemblyScript's own: abort takes a message, a file, a line and a column. */
static bool is_assembly_script(const struct missing *missing)
{
    return span_is(missing->module, "env") &&
           ((span_is(missing->name, "abort") && missing->nparams == 4) ||
            (span_is(missing->name, "trace") && missing->nparams == 7) ||
            span_is(missing->name, "console.log"));
}

/* The time that this takes is bounded, whatever somebody called an import. */
static struct span beginning(struct span name)
{
    return (struct span){name.data, name.size < 200 ? name.size : 200};
}

static const char *kind_of(const struct missing *missing)
{
    struct span module = beginning(missing->module), name = beginning(missing->name);
    if (missing->wrong_type)
        return OWN_WASI;
    if (is_assembly_script(missing))
        return ASSEMBLY;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (fits(known[i].module, module) && fits(known[i].name, name))
            return known[i].what;
    return NULL;
}

enum { ENOUGH = 2000 }; /* imports tell who made a module */

/* Whether it has been said before; at most so many different ones are said. */
struct told {
    const char *kinds[4];
    unsigned count;
};

static bool tell(struct told *told, const char *kind)
{
    for (unsigned i = 0; i < told->count; i++)
        if (strcmp(told->kinds[i], kind) == 0)
            return false;
    if (told->count == sizeof told->kinds / sizeof *told->kinds)
        return false;
    told->kinds[told->count++] = kind;
    return true;
}

void survey_kinds(const struct surveyed *surveyed, void (*say)(void *context, const char *what),
                  void *context)
{
    struct told told = {0};
    bool alien = false;
    if (surveyed->is_object && surveyed->nmissing)
        say(context, "an object file, which is not linked yet");
    else if (surveyed->is_dynamic)
        say(context, DYNAMIC);
    told.count = 0;
    for (uint32_t i = 0; i < surveyed->nmissing && i < ENOUGH; i++) {
        const char *kind = kind_of(&surveyed->missing[i]);
        if (kind && strcmp(kind, DYNAMIC) == 0 && surveyed->is_dynamic)
            continue;
        alien |= !kind;
        if (kind && tell(&told, kind))
            say(context, kind);
    }
    if (alien && told.count == 0 && !surveyed->is_object && !surveyed->is_dynamic)
        say(context, "a module for a host of its own, such as a plug-in or a part of a web page");
}
