/* test_verdict.c - whether a guest that was to come has begun: who comes first decides, a receiver
 * that was killed is told apart from one that lives, and nothing that nobody needs stays. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "cli/native/life.h"
#include "cli/native/verdict.h"

#define ONE   "11111111111111111111111111111111"
#define TWO   "22222222222222222222222222222222"
#define THREE "33333333333333333333333333333333"

static char folder[] = "/tmp/yado-verdict-XXXXXX";

/* What is said to who asks; "" when nothing is. */
static const char *asked(const char *token)
{
    static char said[1024];
    struct buffer text = {0};
    bool good = verdict_ask(token, &text, NULL);
    snprintf(said, sizeof said, "%s", good ? (const char *)text.data : "");
    buffer_free(&text);
    return said;
}

static bool says(const char *token, const char *line)
{
    return strncmp(asked(token), line, strlen(line)) == 0;
}

/* How many files there are of moves. */
static unsigned files(void)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/yadokari/moves", folder);
    DIR *directory = opendir(path);
    for (struct dirent *item; directory && (item = readdir(directory));)
        count += item->d_name[0] != '.';
    if (directory)
        closedir(directory);
    return count;
}

/* In a process that is killed then, as a receiver may be. */
static void killed(const char *token, bool starts)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        bool good = verdict_begin(token, NULL) >= 0 && (!starts || verdict_start(token, NULL));
        raise(good ? SIGKILL : SIGTERM);
    }
    check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
          "a receiver is killed");
}

static void test_first(void)
{
    struct error error;
    int life = verdict_begin(ONE, &error);
    check(life >= 0, "a guest is to come");
    check(verdict_begin(ONE, &error) < 0 && error.kind == ERROR_IO, "but not twice");
    check(verdict_start(ONE, &error) && says(ONE, "state=started\npid="), "it starts, and runs");
    check(says(ONE, "state=started\npid="), "whoever asks how often");
    verdict_write(ONE, "state=started\nthen=it ended with 3\n");
    verdict_end(ONE, life);
    check_text(asked(ONE), "state=started\nthen=it ended with 3\n", "what became of it stays");
    check(!verdict_start(ONE, &error), "it does not start again");

    life = verdict_begin(TWO, &error);
    check(says(TWO, "state=revoked\n"), "who asks first revokes it");
    check(!verdict_start(TWO, &error) && strstr(error.message, "asked about"), "and it never runs");
    verdict_end(TWO, life);
    check(says(TWO, "state=revoked\n"), "not later either");
    verdict_forget(ONE);
    verdict_forget(TWO);
    check(files() == 0, "what is forgotten leaves nothing");
}

static void test_killed(void)
{
    killed(ONE, true);
    check(says(ONE, "state=lost\nthen="), "one that had begun is lost");
    killed(TWO, false);
    check(says(TWO, "state=revoked\n"), "one that had not is revoked");
    check(files() == 4, "two verdicts and two locks");
    killed(THREE, false);
    check(files() == 3, "who comes later removes what says no more than that it was revoked");
    int life = verdict_begin(THREE, NULL);
    check(life >= 0 && says(ONE, "state=lost\n"), "and keeps what was lost");
    verdict_end(THREE, life);
    check(files() == 2, "a receiver that was told nothing leaves nothing");
    verdict_forget(ONE);
}

/* Its verdict must outlive an answer that did not arrive. */
static void test_needed(void)
{
    int first = verdict_begin(ONE, NULL), second;
    check(says(ONE, "state=revoked\n"), "one that lives is revoked");
    second = verdict_begin(TWO, NULL);
    check(!verdict_start(ONE, NULL), "and stays so when another comes");
    verdict_end(ONE, first);
    verdict_write(TWO, "state=failed\n");
    verdict_end(TWO, second);
    check(says(TWO, "state=failed\n"), "one that failed says so");
    first = verdict_begin(THREE, NULL);
    check(says(TWO, "state=revoked\n"), "until the next comes: that it does not run stays true");
    verdict_end(THREE, first);
    verdict_forget(ONE);
    verdict_forget(TWO);
    check(files() == 0, "nothing is left");
}

static void test_odd(void)
{
    static const char *const tokens[] = {"", "x", "../../../../../../../../../../../x", ONE "1",
                                         "1111111111111111111111111111111g"};
    struct buffer text = {0};
    struct error error;
    char path[96];
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        check(!verdict_ask(tokens[i], &text, &error) && error.kind == ERROR_USAGE &&
                  verdict_begin(tokens[i], &error) < 0 && !verdict_start(tokens[i], &error),
              "no token");
    snprintf(path, sizeof path, "%s/yadokari/moves/" ONE, folder);
    check(file_write(path, "state=started\npid=1\n", NULL) && says(ONE, "state=started\n"),
          "one of a yado without locks is taken at its word");
    check(file_write(path, "", NULL) && !verdict_start(ONE, NULL), "an empty one starts nothing");
    int life = verdict_begin(TWO, NULL);
    check(file_exists(path), "what says nothing is not removed");
    verdict_end(TWO, life);
    check(unlink(path) == 0 && symlink("elsewhere", path) == 0, "a link in its place");
    check(!verdict_start(ONE, NULL), "is not followed");
    buffer_free(&text);
}

int main(void)
{
    if (!check(mkdtemp(folder) && setenv("XDG_STATE_HOME", folder, 1) == 0, "a folder"))
        return checks_end();
    test_first();
    test_killed();
    test_needed();
    test_odd();
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    check(system(command) == 0, "is removed");
    return checks_end();
}
