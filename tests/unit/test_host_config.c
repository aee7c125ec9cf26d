/* test_host_config.c - host configurations as people write them: what is taken, what is refused and
 * with which words; the words of a command line; and hosts that do not answer. */
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "check.h"
#include "cli/native/hosts/configuration.h"
#include "cli/native/hosts/words.h"

#define HOST "[h]\nprogram=p\nrun=r\n"

/* ---- files */

static struct host_list list;

/* Reads a text as the file "conf"; the error's words, or "". */
static const char *read_text(const char *text)
{
    static struct error error;
    static char copy[65536];
    snprintf(copy, sizeof copy, "%s", text);
    free(list.hosts);
    list = (struct host_list){0};
    error.message[0] = 0;
    return configuration_read(&list, "conf", copy, &error) ? "" : error.message;
}

static void test_taken(void)
{
    check_text(read_text(""), "", "nothing");
    check(list.count == 0, "has no hosts");
    check_text(read_text("# a comment\n\n" HOST), "", "a host");
    check(list.count == 1 && strcmp(list.hosts[0].build, "switch") == 0 && !list.hosts[1].name,
          "by itself");
    check_text(read_text("[ h ]\r\n\tprogram = /a b/p \r\nrun=r = x"), "", "space around");
    check(strcmp(list.hosts[0].name, "h") == 0 && strcmp(list.hosts[0].program, "/a b/p") == 0 &&
              strcmp(list.hosts[0].run, "r = x") == 0,
          "is left out");
    check_text(read_text(HOST "version=-v\n[i]\nlike=h\nprogram=q\n[h]\nversion=\n"), "",
               "like another");
    check(list.count == 2 && strcmp(list.hosts[1].version, "-v") == 0 &&
              strcmp(list.hosts[1].program, "q") == 0 && !list.hosts[0].version,
          "and then changed");
    static const char *const builds[] = {"switch", "bulk", "large", "tail", "sockets"};
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        char text[80];
        snprintf(text, sizeof text, HOST "build = %s\n", builds[i]);
        check_text(read_text(text), "", builds[i]);
    }
}

/* Nothing is cut, whatever a line's length. */
static void test_long(void)
{
    struct buffer text = {0};
    text_add(&text, HOST "compile = \"");
    for (unsigned i = 0; i < 6000; i++)
        text_add(&text, "word%u ", i);
    text_add(&text, "\" {module} {output}\n");
    check_text(read_text((const char *)text.data), "", "a line of 50 KB");
    check(strlen(list.hosts[0].compile) > 45000 && strstr(list.hosts[0].compile, "{output}"),
          "is there as a whole");
    buffer_free(&text);
}

static void test_refused(void)
{
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"program=p\n", "no [NAME] above"},
        {"[h\nprogram=p\n", "[NAME] is wanted"},
        {"[]\n", "no name"},
        {"[../x]\n", "no name"},
        {"[native]\n", "no name"},
        {"[0123456789012345678901234567890123456789]\n", "no name"},
        {"[h]\nprogram\n", "no `key = value`"},
        {"[h]\nprogramme=p\n", "unknown key programme"},
        {"[h]\nrun=r\n", "no `program`"},
        {"[h]\nprogram=p\n", "no `run`"},
        {"[h]\nprogram=\nrun=r\n", "no `program`"},
        {"[h]\nlike=h\n", "like = h"},
        {"[h]\nlike=i\n", "like = i"},
        {HOST "build=small\n", "`build`"},
        {HOST "build=\n", "`build`"},
        {HOST "features=nothing-of-that\n", "nothing-of-that"},
        {HOST "compile=c {module}\n", "{output}"},
        {"[h]\nprogram=p\nrun={directories}\n", "`directory`"},
        {HOST "listen={address}\n", "`listen`"},
        {HOST "version=\"v\n", "a quote that does not end"},
        {"[h]\nprogram=p\nrun=\"r \\\"\n", "a quote that does not end"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *said = read_text(wrong[i].text);
        if (!check(strstr(said, wrong[i].words) && strstr(said, "conf, line "), wrong[i].text))
            printf("  said: %s\n", said);
    }
    check(strstr(read_text("\n\n" HOST "x=1\n"), "conf, line 6:"), "the line is named");
}

/* Those that come with the command are good ones. */
static void test_builtin(void)
{
    struct host_list all = {0};
    struct error error;
    char *texts[64]; /* hosts point into them */
    size_t count = 0;
    for (const struct builtin_file *file = builtin_files; file->name && count < 64; file++) {
        texts[count] = strdup(file->text);
        if (!check(configuration_read(&all, file->name, texts[count++], &error), file->name))
            printf("  said: %s\n", error.message);
    }
    check(all.count >= 10, "there are some");
    free(all.hosts);
    while (count)
        free(texts[--count]);
}

/* ---- words */

static const char *split(const char *words)
{
    static const struct replacement replacements[] = {{"{module}", "m n.wasm"}, {NULL, NULL}};
    static char text[512];
    struct arguments arguments = {0};
    struct error error;
    size_t used = 0;
    if (!words_add(&arguments, words, replacements, &error)) {
        snprintf(text, sizeof text, "error: %s", error.message);
    } else {
        text[0] = 0;
        for (size_t i = 0; i < arguments.count; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "<%s>", arguments.list[i]);
    }
    arguments_free(&arguments);
    return text;
}

static void test_words(void)
{
    check_text(split(NULL), "", "none");
    check_text(split("  a   b "), "<a><b>", "spaces");
    check_text(split("\"a b\" c\"d e\"f"), "<a b><cd ef>", "quotes");
    check_text(split("\"\" \"\\\"\\\\\\{\" \\x"), "<><\"\\{><\\x>", "quoted signs");
    check_text(split("--m={module} {module}"), "<--m=m n.wasm><m n.wasm>",
               "a value stays one word");
    check(strncmp(split("{modul}"), "error: {modul}", 14) == 0, "a placeholder that is none");
    check(strncmp(split("a \"b"), "error:", 6) == 0, "a quote that does not end");
    check(words_end("a \"b c\" d") && !words_end("\"a"), "ends of quotes");
}

/* ---- programs that do not answer */

static bool capture(const char *script, unsigned seconds, struct buffer *output, int *status,
                    struct error *error)
{
    struct arguments arguments = {0};
    arguments_add(&arguments, "sh");
    arguments_add(&arguments, "-c");
    arguments_add(&arguments, "%s", script);
    bool good = process_capture(&arguments, -1, seconds, output, status, error);
    arguments_free(&arguments);
    return good;
}

static void test_limit(void)
{
    struct buffer output = {0};
    struct error error;
    int status = 0;
    check(capture("echo words; exit 3", 600, &output, &status, &error) && output.size == 6 &&
              status == 3 << 8,
          "what a program prints, and how it ends");
    check(capture("echo words", 0, &output, &status, &error) && output.size == 12,
          "without a limit");
    check(!capture("exec sleep 3600", 1, &output, &status, &error) &&
              strstr(error.message, "sh: it does not end in time"),
          "one that never ends");
    check(!capture("exec >&- 2>&-; exec sleep 3600", 1, &output, &status, &error) &&
              strstr(error.message, "in time"),
          "nor when it closes its output");
    check(!capture("exec yes", 600, &output, &status, &error) &&
              strstr(error.message, "without end") && output.size < CAPTURED_MAX + (1u << 16),
          "one that prints without end");
    buffer_free(&output);
}

int main(void)
{
    test_taken();
    test_long();
    test_refused();
    test_builtin();
    test_words();
    test_limit();
    return checks_end();
}
