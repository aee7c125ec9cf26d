/* fuzz_entry.c - what lies in the registry's and the kept folder may be anything: an entry's lines, a
 * kept snapshot's, a verdict, and a message of lines. They are read, listed and removed; texts are as
 * long as their fields have room for, and nothing outside of the folders is touched.
 *
 *     byte 0   which file it is: info, hold.1, a verdict, a kept snapshot's info, a message
 *     then     its bytes */
#include <sys/stat.h>
#include <unistd.h>

#include "fake_place.h"

#include "base/clean.h"
#include "cli/native/kept.h"
#include "cli/native/lines.h"
#include "cli/native/verdict.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[128]; /* both are one: fake_begin */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fake_begin();
    snprintf(folder, sizeof folder, "%s/yadokari-%u", fake_directory, (unsigned)getuid());
    mkdir(folder, 0700);
    return 0;
}

static void put(const char *file, const uint8_t *data, size_t size)
{
    char path[PATH_ROOM];
    require(path_set(path, NULL, "%s/%s", fake_directory, file) &&
            file_write_bytes(path, data, size, NULL));
}

/* ---- entries */

static void check_entry(void *context, const struct registered *entry)
{
    (void)context;
    require(strnlen(entry->host, sizeof entry->host) < sizeof entry->host &&
            strnlen(entry->module, sizeof entry->module) < sizeof entry->module &&
            strnlen(entry->snapshot, sizeof entry->snapshot) < sizeof entry->snapshot &&
            strnlen(entry->base, sizeof entry->base) < sizeof entry->base);
}

/* Of a guest that lives, and then of one that is dead. */
static void read_entries(const char *file, const uint8_t *data, size_t size)
{
    struct registered entry = {0}, found = {0};
    struct error error;
    char path[REGISTRY_PATH_MAX];
    require(registry_add(&entry, "fuzzed", "native", "m.wasm", NULL, &error));
    require(file_write_bytes(registry_path(&entry, file, path), data, size, &error));
    require(registry_list(check_entry, NULL, &error));
    if (registry_find("fuzzed", &found, &error))
        require(registry_look(&found) && strcmp(found.directory, entry.directory) == 0);
    close(entry.life);
    require(registry_list(check_entry, NULL, &error) && fake_entries() == 0);
}

/* ---- what is kept */

static void check_kept(void *context, const struct kept *kept)
{
    (void)context;
    require(strnlen(kept->module, sizeof kept->module) < sizeof kept->module &&
            strnlen(kept->why, sizeof kept->why) < sizeof kept->why);
    require(strcmp(kept->id, "x") == 0);
}

static void read_kept(const uint8_t *data, size_t size)
{
    struct error error;
    put("yadokari/x.snap", (const uint8_t *)"x", 1);
    put("yadokari/x.info", data, size);
    require(kept_list(check_kept, NULL, &error) && kept_remove("x", &error));
}

/* ---- verdicts: only one that says so begins */

static void read_verdict(const uint8_t *data, size_t size)
{
    struct error error;
    struct buffer text = {0};
    int life = verdict_begin(TOKEN, &error);
    require(life >= 0);
    put("yadokari/moves/" TOKEN, data, size);
    require(!verdict_start(TOKEN, &error));
    require(verdict_ask(TOKEN, &text, &error) && text.size > 0 && text.data[text.size - 1] == 0);
    verdict_end(TOKEN, life);
    text.size = 0;
    require(verdict_ask(TOKEN, &text, &error));
    buffer_free(&text);
    verdict_forget(TOKEN);
}

/* ---- messages */

static void read_lines(const uint8_t *data, size_t size)
{
    struct buffer text = {0};
    struct list values = {0};
    struct error error;
    char *first = NULL, small[8];
    buffer_put(&text, data, size);
    buffer_put_u8(&text, 0);
    const char *lines = (const char *)text.data;
    require(line_text(lines, "k", &first, &error) && lines_list(lines, "k", &values, &error));
    if (first && *first)
        require(values.count && strcmp(values.items[0], first) == 0);
    if (file_value(lines, "k", small, sizeof small))
        require(first && strcmp(first, small) == 0);
    (void)line_number(lines, "k");
    for (uint32_t i = 0; i < values.count; i++)
        require(*values.items[i] && !strchr(values.items[i], '\n'));
    free(first);
    lines_free(&values);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 5) {
    case 0: read_entries("info", data + 1, size - 1); break;
    case 1: read_entries("hold.1", data + 1, size - 1); break;
    case 2: read_verdict(data + 1, size - 1); break;
    case 3: read_kept(data + 1, size - 1); break;
    default: read_lines(data + 1, size - 1); break;
    }
    fake_clear();
    return 0;
}
