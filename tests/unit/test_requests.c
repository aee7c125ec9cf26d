/* test_requests.c - the record of a request, and a guest's entry with its two locks. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "cli/native/asking.h"
#include "cli/native/kept.h"
#include "cli/native/registry.h"
#include "cli/overwrites.h"

/* ---- the record */

static void test_record(void)
{
    const char *embed[] = {"/a", "/b=c"};
    struct request asked = {.id = "0123456789abcdef",
                            .snapshot = "/run/x y/snapshot.1",
                            .base_note = "=",
                            .hold = "/run/hold",
                            .embed = {embed, 2},
                            .files = 2,
                            .leave_running = true,
                            .sync = true};
    struct request read = {0};
    struct error error;
    check(request_put(&asked, &read.text, &error) && request_read(&read), "is written and read");
    check(strcmp(read.id, asked.id) == 0 && strcmp(read.snapshot, asked.snapshot) == 0 &&
              strcmp(read.base_note, "=") == 0 && strcmp(read.hold, asked.hold) == 0 && !read.base,
          "texts");
    check(read.embed.count == 2 && strcmp(read.embed.items[1], "/b=c") == 0, "a list");
    check(read.files == 2 && read.leave_running && read.sync && !read.move && !read.compress,
          "numbers and flags");
    request_free(&read);
    asked.base = "/a\nmove=1";
    check(!request_put(&asked, &read.text, &error) && error.kind == ERROR_USAGE,
          "a line break is refused");
    request_free(&read);
}

/* Whatever the file holds, it is a request or it is none. */
static void test_damaged(void)
{
    const char *const texts[] = {
        "",           "\n",           "=",        "id", "id=", "files=x\nid=1", "=\n=\n",
        "id=1\nid=2", "embed=\nid=1", "id=1\n\0x"};
    const bool good[] = {false, false, false, false, true, false, false, true, true, true};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct request read = {0};
        buffer_put(&read.text, texts[i], strlen(texts[i]));
        check(request_read(&read) == good[i], texts[i]);
        request_free(&read);
    }
}

static void test_taken(void)
{
    struct request request;
    check(file_write("request", "id=7\n", NULL) && request_take(&request, "request"),
          "it is taken");
    check(!file_exists("request"), "and is not there any more");
    request_free(&request);
    check(!request_take(&request, "request"), "nor for another one");
}

/* ---- entries */

static int in_child(bool (*test)(struct registered *entry), struct registered *entry)
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(test(entry) ? 0 : 1);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool registers(struct registered *entry)
{
    struct error error;
    return registry_add(entry, "unit", "native", "m.wasm", NULL, &error);
}

static bool finds_alive(struct registered *entry)
{
    return entry_is_alive(entry);
}

static bool gets_turn(struct registered *entry)
{
    struct turn turn = {0};
    return turn_try(&turn, entry);
}

static bool gets_polite_turn(struct registered *entry)
{
    struct turn turn = {0};
    return turn_try_politely(&turn, entry);
}

static void test_entry(void)
{
    struct registered entry = {0}, other = {0};
    struct turn turn = {0};
    struct error error;
    if (!check(registers(&entry), "a guest is registered"))
        return;
    check(entry_is_alive(&entry) && in_child(finds_alive, &entry) == 0, "it is alive");
    check(in_child(registers, &other) == 1, "its name is taken");
    check(turn_try(&turn, &entry) && in_child(gets_turn, &entry) == 1, "one has the turn");
    turn_end(&turn);
    check(in_child(gets_turn, &entry) == 0, "then another");
    turn_claim(&entry, true);
    check(in_child(gets_polite_turn, &entry) == 1 && in_child(gets_turn, &entry) == 0,
          "a move goes first");
    turn_claim(&entry, false);
    check(in_child(gets_polite_turn, &entry) == 0, "and then the others");
    check(registry_find("unit", &other, &error) && registry_look(&other), "it is found");
    registry_remove(&entry);
    check(!file_exists(entry.directory) && !entry_is_alive(&entry), "it is removed");
}

static void put(const struct registered *entry, const char *file)
{
    char path[REGISTRY_PATH_MAX];
    (void)file_write(registry_path(entry, file, path), "x", NULL);
}

static bool has(const struct registered *entry, const char *file)
{
    char path[REGISTRY_PATH_MAX];
    return file_exists(registry_path(entry, file, path));
}

static void test_withdrawn(void)
{
    struct registered entry = {0};
    struct turn turn = {0};
    if (!check(registers(&entry), "a guest is registered"))
        return;
    put(&entry, "request"), put(&entry, "hold.1"), put(&entry, "snapshot.1"), put(&entry, "base.1");
    check(entry_is_held(&entry) && turn_try(&turn, &entry), "somebody waits");
    entry_tidy(&entry);
    check(has(&entry, "request") && has(&entry, "hold.1"), "and has the turn");
    turn_end(&turn);
    entry_tidy(&entry);
    check(!has(&entry, "request") && !entry_is_held(&entry) && !has(&entry, "snapshot.1") &&
              !has(&entry, "base.1") && has(&entry, "info"),
          "who has gone has asked for nothing");
    registry_remove(&entry);
}

static bool dies(struct registered *entry)
{
    bool good = registers(entry);
    put(entry, "hold.1"), put(entry, "snapshot.1");
    return good;
}

static void count(void *context, const struct kept *kept)
{
    *(unsigned *)context += strncmp(kept->id, "unit-", 5) == 0 && kept->size == 1;
}

static void remove_it(void *context, const struct kept *kept)
{
    (void)context;
    check(kept_remove(kept->id, NULL) && !file_exists(kept->path), "it is removed");
}

static void test_kept(void)
{
    struct registered entry = {0};
    struct error error;
    unsigned found = 0;
    check(in_child(dies, &entry) == 0, "a guest dies while it is held");
    check(registers(&entry) && !has(&entry, "snapshot.1"), "its name is another's");
    check(kept_list(count, &found, &error) && found == 1, "its snapshot is kept");
    registry_remove(&entry);
    check(kept_list(remove_it, NULL, &error), "until it is said");
    check(!kept_remove("../requests", &error) && !kept_remove("", &error), "and nothing else");
}

static void test_same_file(void)
{
    (void)file_write("one", "", NULL), (void)file_write("two", "", NULL);
    check(link("one", "hard") == 0 && symlink("one", "soft") == 0, "links");
    check(same_file("one", "./one") && same_file("one", "hard") && same_file("soft", "one"),
          "one file by several paths");
    check(!same_file("one", "two") && !same_file("one", "none") && !same_file(NULL, "one") &&
              !same_file(".", "."),
          "two files, or none");
}

int main(void)
{
    char directory[] = "/tmp/yado-unit-XXXXXX";
    if (!mkdtemp(directory) || chdir(directory) != 0)
        return 1;
    setenv("XDG_RUNTIME_DIR", directory, 1);
    setenv("XDG_STATE_HOME", directory, 1);
    test_record();
    test_damaged();
    test_taken();
    test_entry();
    test_withdrawn();
    test_kept();
    test_same_file();
    return checks_end();
}
