/* container.c - files that are given for a module and are none, told by their first bytes. */
#include <string.h>

#include "base/buffer.h"
#include "survey/surveying.h"

#define MAGIC(bytes, name) {bytes, sizeof(bytes) - 1, name}

/* clang-format off */
static const struct {
    const char *bytes;
    size_t size;
    const char *name;
} magics[] = {
    MAGIC("\x1f\x8b", "compressed by gzip: unpack it first"),
    MAGIC("\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"),
    MAGIC("\xfd" "7zXZ\0", "compressed by xz: unpack it first"),
    MAGIC("BZh", "compressed by bzip2: unpack it first"),
    MAGIC("\x04\x22\x4d\x18", "compressed by lz4: unpack it first"),
    MAGIC("PK\3\4", "a ZIP archive (as JAR files, wheels and npm bundles are): unpack it first"),
    MAGIC("!<arch>\n", "an archive of object files (.a): link it first"),
    MAGIC("BC\xc0\xde", "LLVM bitcode: compile and link it first"),
    MAGIC("\0aot", "a module compiled by WAMR for one machine (.aot): take the .wasm that it was made of"),
    MAGIC("wasmer-universal", "a module compiled by Wasmer for one machine: take the .wasm that it was made of"),
    MAGIC("\0webc", "a package of Wasmer's (.webc): take the .wasm inside it"),
    MAGIC("\x7f" "ELF", "an ELF file: a program of this or another machine, or a module compiled ahead of time "
                        "(.cwasm): take the .wasm that it was made of"),
    MAGIC("MZ", "a Windows program"),
    MAGIC("\xcf\xfa\xed\xfe", "a program of macOS"),
    MAGIC("\xca\xfe\xba\xbe", "a class of Java, or a program of macOS"),
    MAGIC("%PDF", "a PDF document"),
    MAGIC("\x89PNG", "a picture"),
    MAGIC("version https://git-lfs", "a pointer of Git LFS to the file: fetch that by `git lfs pull`"),
    MAGIC("\x89YADO\r\n\x1a", "a snapshot: `yado restore` goes on with it"),
    MAGIC("\x89YADE\r\n\x1a", "a signed or encrypted snapshot: `yado restore` goes on with it"),
    MAGIC("#!", "a script"),
};

/* At the beginning of a text, behind white space and comments of WebAssembly's text format. */
static const struct {
    const char *text;
    const char *name;
} texts[] = {
    {"(module", "WebAssembly's text format (.wat): make a module of it by `wasm-tools parse` or wat2wasm"},
    {"(component", "a component in WebAssembly's text format (.wat), and the component model is not supported"},
    {"(", "WebAssembly's text format (.wat or .wast), or another text"},
    {"<", "an HTML or XML document, as a server sends it that does not have the file"},
    {"{", "JSON"},
    {"package ", "a WIT document, or source text"},
};
/* clang-format on */

static const uint8_t *skip_comment(const uint8_t *at, const uint8_t *end)
{
    unsigned depth = 0;
    do {
        bool open = end - at >= 2 && memcmp(at, "(;", 2) == 0;
        bool close = end - at >= 2 && memcmp(at, ";)", 2) == 0;
        depth += open;
        depth -= close;
        at += open || close ? 2 : 1;
    } while (depth && at < end);
    return at;
}

static const uint8_t *skip_blank(const uint8_t *at, const uint8_t *end)
{
    if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        if (memchr(" \t\r\n", *at, 4)) {
            at++;
        } else if (end - at >= 2 && memcmp(at, ";;", 2) == 0) {
            const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
            at = line ? line : end;
        } else if (end - at >= 2 && memcmp(at, "(;", 2) == 0) {
            at = skip_comment(at, end);
        } else {
            break;
        }
    }
    return at;
}

static bool begins(const uint8_t *at, const uint8_t *end, const void *with, size_t size)
{
    return (size_t)(end - at) >= size && memcmp(at, with, size) == 0;
}

/* A header "\0asm" with another version than that of modules. */
static const char *other_version(const uint8_t *bytes)
{
    if (get_le16(bytes + 6) == 1)
        return "a component (the component model, WASI 0.2 or later), which is not supported: take "
               "the core module for WASI preview 1 instead (in Rust: --target wasm32-wasip1)";
    if (get_le32(bytes + 4) > 1)
        return "WebAssembly of a version that is not known (1 is)";
    return "WebAssembly of a version before 1";
}

const char *container_name(const uint8_t *bytes, size_t size)
{
    static const char magic[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    const uint8_t *end = bytes + size;
    if (size == 0)
        return "an empty file";
    if (memcmp(bytes, magic, size < 8 ? size : 8) == 0)
        return size < 8 ? "cut off: no more than the beginning of a module" : NULL;
    if (begins(bytes, end, magic, 4) && size >= 8)
        return other_version(bytes);
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (begins(bytes, end, magics[i].bytes, magics[i].size))
            return magics[i].name;
    const uint8_t *text = skip_blank(bytes, end);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (begins(text, end, texts[i].text, strlen(texts[i].text)))
            return texts[i].name;
    return text == end ? "a file of nothing but white space"
                       : "a file of another kind (a module begins with the bytes 00 61 73 6D)";
}
