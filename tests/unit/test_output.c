/* test_output.c - files are made whole or not at all, through what is no plain file, with the mode
 * that they should have; and paths and texts are never cut to others. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/output.h"
#include "base/path.h"
#include "base/text.h"
#include "check.h"

static bool write_to(const char *path, const struct output_options *options, const char *text)
{
    return output_bytes(path, options, text, strlen(text), NULL);
}

static bool reads(const char *path, const char *text)
{
    char bytes[256];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    return file && size == strlen(text) && memcmp(bytes, text, size) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_mode : 0;
}

/* ---- plain files */

static void test_plain(void)
{
    const struct output_options open_ = {.open = true};
    struct output output;
    struct error error = {0};
    umask(022);
    check(write_to("plain", NULL, "one") && reads("plain", "one"), "a new file");
    check((mode_of("plain") & 0777) == 0600, "is its owner's only");
    check(output_begin(&output, "plain", NULL, &error), "begun");
    check((mode_of("plain" OUTPUT_PART) & 0777) == 0600, "from its first byte");
    check(output_write(&output, "tw", 2, &error) && reads("plain", "one"), "the old one is there");
    check(!output_end(&output, false, &error) && reads("plain", "one"), "and stays");
    check(!output_end(&output, true, &error), "nothing is left to end");
    check(mode_of("plain" OUTPUT_PART) == 0, "nothing is left");
    check(write_to("open", &open_, "x") && (mode_of("open") & 0777) == 0644, "open to others");
    umask(0);
    check(write_to("open", &open_, "x") && (mode_of("open") & 0777) == 0666, "without an umask");
    check(write_to("plain", NULL, "x") && (mode_of("plain") & 0777) == 0600, "but not this one");
    umask(022);
    const struct output_options fresh = {.fresh = true};
    check(write_to("fresh", &fresh, "x") && !mode_of("fresh" OUTPUT_PART), "a fresh one");
    check(!output_bytes("fresh", &fresh, "y", 1, &error) && error.kind == ERROR_USAGE &&
              reads("fresh", "x"),
          "is not replaced");
    check(output_begin(&output, "late", &fresh, &error) && write_to("late", NULL, "z") &&
              !output_end(&output, true, &error) && error.kind == ERROR_USAGE && reads("late", "z"),
          "nor is one that comes meanwhile");
    check(!output_begin(&output, "none/x", NULL, &error) && strstr(error.message, "none/x") != NULL,
          "no such folder");
}

static void test_keep(void)
{
    const struct output_options options = {.keep = 3, .sync = true};
    const char *const texts[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++)
        check(write_to("kept", &options, texts[i]), "one of several");
    check(reads("kept", "d") && reads("kept.1", "c") && reads("kept.2", "b"), "the newest three");
    check(mode_of("kept.3") == 0, "and no more");
}

/* A file-size limit stands for a full disk: in a child, since it does not go away again. */
static void test_full(void)
{
    int status = 1;
    check(write_to("full", NULL, "old"), "a file");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        static const char bytes[8192];
        struct error error = {0};
        const struct rlimit limit = {4096, 4096};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        bool good = output_bytes("full", NULL, bytes, sizeof bytes, &error);
        _exit(!good && error.kind == ERROR_IO ? 0 : 1);
    }
    check(waitpid(child, &status, 0) == child && status == 0, "no room is told of");
    check(reads("full", "old") && mode_of("full" OUTPUT_PART) == 0, "and leaves nothing");
}

/* Two at a time: each has a file of its own, and the last one stays. */
static void test_two(void)
{
    struct output a, b;
    check(output_begin(&a, "two", NULL, NULL) && output_begin(&b, "two", NULL, NULL), "two begun");
    check(output_write(&a, "a", 1, NULL) && output_write(&b, "bb", 2, NULL), "both written");
    check(output_end(&a, true, NULL) && reads("two", "a"), "the first is whole");
    check(output_end(&b, true, NULL) && reads("two", "bb"), "and the second");
}

/* ---- what is no plain file */

static void test_links(void)
{
    check(mkdir("folder", 0700) == 0 && write_to("folder/real", NULL, "old"), "a file");
    check(symlink("folder/real", "link") == 0 && symlink("link", "second") == 0, "links");
    check(write_to("second", NULL, "new") && reads("folder/real", "new"), "the target is replaced");
    check(S_ISLNK(mode_of("link")) && S_ISLNK(mode_of("second")), "the links stay");
    check(symlink("folder/made", "dangling") == 0 && write_to("dangling", NULL, "x") &&
              reads("folder/made", "x") && S_ISLNK(mode_of("dangling")),
          "a target that is not there is made");
    check(symlink("circle", "circle") == 0 && !write_to("circle", NULL, "x"), "a circle");
    check(S_ISLNK(mode_of("circle")), "stays one");
    /* what stands under the temporary name is not written through */
    check(symlink("../plain", "folder/t" OUTPUT_PART) == 0 && write_to("folder/t", NULL, "t") &&
              reads("plain", "x") && reads("folder/t", "t"),
          "a link under the temporary name");
}

static void test_descriptor(void)
{
    char path[64];
    int file = open("shell", O_RDWR | O_CREAT, 0644);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    check(file >= 0 && unlink("shell") == 0 && write_to(path, NULL, "gone"),
          "a file without a name");
    char bytes[8] = "";
    check(pread(file, bytes, sizeof bytes, 0) == 4 && memcmp(bytes, "gone", 4) == 0, "is written");
    close(file);
}

static void test_special(void)
{
    char bytes[8] = "";
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    check(mkfifo("fifo", 0600) == 0, "a FIFO");
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    check(write_to("fifo", NULL, "through") && read(reader, bytes, sizeof bytes) == 7 &&
              memcmp(bytes, "through", 7) == 0 && S_ISFIFO(mode_of("fifo")),
          "is written through, and stays");
    close(reader);
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    check(listening >= 0 && bind(listening, (struct sockaddr *)&address, sizeof address) == 0,
          "a socket");
    check(!write_to("socket", NULL, "x") && S_ISSOCK(mode_of("socket")), "is refused, and stays");
    close(listening);
    check(!write_to("folder", NULL, "x") && S_ISDIR(mode_of("folder")), "so is a folder");
    if (mknod("device", S_IFCHR | 0600, makedev(1, 3)) == 0)
        check(write_to("device", NULL, "x") && S_ISCHR(mode_of("device")), "a device stays");
    else
        skip("a device", strerror(errno));
}

/* ---- files that are there already */

static void test_move(void)
{
    char other[] = "/dev/shm/yado-output-XXXXXX", path[64];
    struct error error = {0};
    check(write_to("from", NULL, "a") && chmod("from", 0644) == 0, "a file that others can read");
    check(output_move("from", "moved", NULL, &error) && reads("moved", "a") && !mode_of("from") &&
              (mode_of("moved") & 0777) == 0600,
          "is moved, and its owner's only");
    check(output_copy("moved", "second", NULL, &error) && reads("folder/real", "a"),
          "copied to where a link leads");
    check(output_move("moved", "link", NULL, &error) && reads("folder/real", "a") &&
              S_ISLNK(mode_of("link")) && !mode_of("moved"),
          "and moved there");
    check(!output_move("none", "moved", NULL, &error) && !mode_of("moved"), "none is told of");
    if (!mkdtemp(other)) {
        skip("another file system", strerror(errno));
        return;
    }
    snprintf(path, sizeof path, "%s/x", other);
    check(output_move("folder/real", path, NULL, &error) && reads(path, "a") &&
              (mode_of(path) & 0777) == 0600 && !mode_of("folder/real"),
          "over file systems");
    check(write_to("kept", NULL, "e") &&
              output_move(path, "kept", &(struct output_options){.keep = 3}, &error) &&
              reads("kept", "a") && reads("kept.1", "e") && reads("kept.2", "c"),
          "and back, with those before it");
    check(write_to(path, NULL, "f"), "another one");
    check(unlink(path) == 0 && rmdir(other) == 0, "with nothing beside it");
}

/* ---- paths and texts */

static void test_path(void)
{
    char path[PATH_ROOM], long_[PATH_ROOM + 100];
    struct error error = {0};
    check(path_set(path, &error, "%s/%d", "a", 7) && strcmp(path, "a/7") == 0, "a path");
    memset(long_, 'a', sizeof long_);
    for (size_t i = 0; i < sizeof long_; i += 100)
        long_[i] = '/';
    long_[PATH_MAX - 1] = 0;
    check(path_set(path, &error, "%s", long_) && strcmp(path, long_) == 0, "the longest one");
    check(!path_set(path, &error, "%s/b", long_) && error.kind == ERROR_IO &&
              strstr(error.message, "4097") != NULL,
          "one that does not fit");
    check(access(path, F_OK) != 0 && errno == ENAMETOOLONG, "is no other path");
}

static void test_text(void)
{
    struct buffer text = {0};
    char long_[10000];
    memset(long_, 'x', sizeof long_ - 1);
    long_[sizeof long_ - 1] = 0;
    text_add(&text, "a=%s\n", long_);
    text_add(&text, "b=%d", 7);
    check(!text.failed && text.size == 2 + 9999 + 1 + 3 &&
              strcmp((const char *)text.data + 2 + 9999, "\nb=7") == 0,
          "a text as long as it takes");
    buffer_free(&text);
}

int main(void)
{
    char folder[] = "/tmp/yado-output-XXXXXX", command[64];
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return 1;
    test_plain();
    test_keep();
    test_full();
    test_two();
    test_links();
    test_descriptor();
    test_special();
    test_move();
    test_path();
    test_text();
    snprintf(command, sizeof command, "rm -r %s", folder);
    check(system(command) == 0, "the folder is removed");
    return checks_end();
}
