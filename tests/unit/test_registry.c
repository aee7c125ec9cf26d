/* test_registry.c - guests that are registered: names, what others find, and what is left of dead
 * ones; and the lines that processes write to each other. (Requests, locks and turns:
 * test_requests.c.) */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "cli/native/kept.h"
#include "cli/native/lines.h"
#include "cli/native/registry.h"

static char folder[] = "/tmp/yado-registry-XXXXXX";

/* ---- names */

static void test_names(void)
{
    static const char *const good[] = {"a", "\303\274", "x=y", "-", "a.b"};
    static const char *const bad[] = {"", ".", "..", ".a", "a/b", "/", "a b", "a\tb", "a\nb"};
    char longest[121];
    struct error error;
    memset(longest, 'x', 120);
    longest[120] = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct registered entry = {0};
        if (check(registry_add(&entry, good[i], "native", "m", NULL, &error), good[i]))
            registry_remove(&entry);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct registered entry = {0};
        check(!registry_add(&entry, bad[i], "native", "m", NULL, &error) &&
                  error.kind == ERROR_USAGE,
              "no name for a guest");
    }
    struct registered entry = {0};
    check(!registry_add(&entry, longest, "native", "m", NULL, &error), "one of 120 characters");
    longest[119] = 0;
    check(registry_add(&entry, longest, "native", "m", NULL, &error), "one of 119");
    registry_remove(&entry);
}

static void test_default_names(void)
{
    static const struct {
        const char *module, *name;
    } names[] = {{"/x/app.wasm", "app-"}, {"a b.wasm", "a_b-"}, {"plain", "plain-"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct registered entry = {0};
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%s%d", names[i].name, (int)getpid());
        check(registry_add(&entry, NULL, "native", names[i].module, NULL, NULL), names[i].module);
        check_text(entry.name, wanted, "its name");
        registry_remove(&entry);
    }
}

/* ---- what others find */

static void test_found(void)
{
    struct registered entry = {.wraps = true, .leave_running = true}, found;
    struct error error;
    char snapshot[PATH_MAX];
    memset(snapshot, 'y', sizeof snapshot);
    memcpy(snapshot, "/", 1);
    snapshot[PATH_MAX - 1] = 0;
    if (!check(registry_add(&entry, "one", "native", "m = n.wasm", snapshot, &error),
               "is registered"))
        return;
    check(registry_find("one", &found, &error) && found.pid == getpid() && found.wraps &&
              found.leave_running && !found.hosted && !*found.base,
          "is found");
    check_text(found.host, "native", "host");
    check_text(found.module, "m = n.wasm", "module");
    check(strcmp(found.snapshot, snapshot) == 0, "a path of 4,095 characters is there as a whole");
    check(registry_set_host(&entry, "ssh://there wasmtime", &error) && registry_look(&found) &&
              strcmp(found.host, "ssh://there wasmtime") == 0 &&
              strcmp(found.snapshot, snapshot) == 0,
          "it has moved, and nothing else has changed");
    check(!registry_find("two", &found, &error) && strstr(error.message, "there are: one"),
          "the names that there are");
    registry_remove(&entry);
    check(!registry_find("one", &found, &error) && strstr(error.message, "none does"),
          "there is none");
}

static void test_refused(void)
{
    struct registered entry = {0};
    struct error error;
    char path[PATH_MAX + 8];
    memset(path, 'z', sizeof path);
    path[PATH_MAX + 7] = 0;
    check(!registry_add(&entry, "one", "native", "m", path, &error) && error.kind == ERROR_IO,
          "a path that is too long is refused");
    check(!registry_add(&entry, "one", "native", "m", "a\nb", &error) && error.kind == ERROR_USAGE,
          "one with a line break too");
    check(registry_add(&entry, "one", "native", "m", NULL, &error), "then its name is free");
    struct registered other = {0};
    check(!registry_add(&other, "one", "native", "m", NULL, &error) &&
              strstr(error.message, "runs here already"),
          "and then taken");
    registry_remove(&entry);
}

/* ---- dead ones */

static void die_with(const char *name, const char *file, const char *bytes)
{
    pid_t child = fork();
    if (child == 0) {
        struct registered entry = {0};
        char path[REGISTRY_PATH_MAX];
        bool good = registry_add(&entry, name, "native", "m", NULL, NULL) &&
                    (!file || file_write(registry_path(&entry, file, path), bytes, NULL));
        raise(good ? SIGKILL : SIGTERM);
    }
    int status;
    check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
          "a yado is killed");
}

static void count_kept(void *context, const struct kept *kept)
{
    *(unsigned *)context += kept->size == 4;
    check(kept_remove(kept->id, NULL), "is removed");
}

static unsigned keeps(void)
{
    unsigned count = 0;
    check(kept_list(count_kept, &count, NULL), "what is kept");
    return count;
}

static void test_dead(void)
{
    struct registered entry = {0};
    die_with("one", NULL, NULL);
    check(!registry_find("one", &entry, NULL), "one that was killed is not there");
    check(keeps() == 0, "and left nothing");
    die_with("one", "snapshot.0123456789abcdef", "snap");
    check(registry_add(&entry, "one", "native", "m", NULL, NULL), "its name is free");
    check(keeps() == 1, "its snapshot, which nobody fetched, is kept");
    registry_remove(&entry);
    die_with("one", "moved", "snap");
    check(registry_list(NULL, NULL, NULL) && keeps() == 1, "likewise when the guests are listed");
    die_with("one", "snapshot.0123456789abcdef.part", "half");
    check(registry_list(NULL, NULL, NULL) && keeps() == 0, "half a snapshot is none");
}

/* A process number that has come again does not make a dead guest alive: its lock is gone. */
static void test_reused_pid(void)
{
    struct registered entry = {0}, found;
    check(registry_add(&entry, "one", "native", "m", NULL, NULL), "is registered");
    close(entry.life);
    check(!registry_find("one", &found, NULL) && !file_exists(entry.directory),
          "this process has its number, and nobody its lock");
}

/* ---- lines */

static void test_lines(void)
{
    static const char text[] = "a=1\nlong=0123456789\nk=\nk=x\nk=y=z\nno\n=\nkk=w\nk=last";
    struct list values = {0};
    char *value = NULL, small[4];
    check(line_text(text, "long", &value, NULL) && strcmp(value, "0123456789") == 0,
          "a value of any length");
    free(value);
    check(!file_value(text, "long", small, sizeof small), "one that does not fit is none");
    check(line_text(text, "none", &value, NULL) && !value, "one that is not there");
    check(lines_list(text, "k", &values, NULL) && values.count == 3 &&
              strcmp(values.items[0], "x") == 0 && strcmp(values.items[1], "y=z") == 0 &&
              strcmp(values.items[2], "last") == 0,
          "all of a key, but for empty ones");
    check(line_number(text, "a") == 1 && line_number(text, "none") == 0, "numbers");
    lines_free(&values);
    struct buffer put = {0};
    line_put(&put, "k", "a\nk=b");
    line_put_number(&put, "n", UINT64_MAX);
    buffer_put_u8(&put, 0);
    check_text((const char *)put.data, "k=ak=b\nn=18446744073709551615\n",
               "no value makes two lines");
    check(line_number((const char *)put.data, "n") == UINT64_MAX, "the largest number");
    buffer_free(&put);
}

int main(void)
{
    if (!check(mkdtemp(folder) && setenv("XDG_RUNTIME_DIR", folder, 1) == 0 &&
                   setenv("XDG_STATE_HOME", folder, 1) == 0,
               "a folder"))
        return checks_end();
    test_names();
    test_default_names();
    test_found();
    test_refused();
    test_dead();
    test_reused_pid();
    test_lines();
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    check(system(command) == 0, "is removed");
    return checks_end();
}
