/* test_options.c - command lines are read into options by the table, and made of them again: for a
 * host, for another machine. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli/native/options_walk.h"
#include "cli/option_table.h"

/* ---- command lines are read */

/* Those in `text`, between spaces. */
struct line {
    struct options options;
    struct error error;
    const char *words[40];
    char text[600];
    bool good;
};

static void parse(struct line *line, enum command command, const char *text)
{
    int count = 0;
    *line = (struct line){.error = {.offset = ERROR_NO_OFFSET}};
    snprintf(line->text, sizeof line->text, "%s", text);
    for (char *word = strtok(line->text, " "); word && count < 39; word = strtok(NULL, " "))
        line->words[count++] = word;
    line->good = options_parse(&line->options, command, count, line->words, &line->error);
}

static void end(struct line *line)
{
    options_free(&line->options);
}

static void refuses(enum command command, const char *text, const char *why)
{
    struct line line;
    parse(&line, command, text);
    if (check(!line.good && line.error.kind == ERROR_USAGE, text))
        check(strstr(line.error.message, why) != NULL, why);
    end(&line);
}

static void test_values(void)
{
    struct line line;
    const struct options *options = &line.options;
    parse(&line, COMMAND_RUN,
          "--dir /tmp::/data --dir=. --env A=b=c --env E= --max-memory 2G --timeout=1.5s "
          "--files embed --embed /data --keep=7 --compress --invoke= app.wasm --sync x");
    check(line.good, "one of all kinds");
    EQUAL(options->guest.ndirs, 2);
    check_text(options->guest.dirs[0].host_path, "/tmp", "a directory here");
    check_text(options->guest.dirs[0].guest_path, "/data", "what the guest calls it");
    check_text(options->guest.dirs[1].guest_path, ".", "as here");
    EQUAL(options->guest.env.count, 2);
    check_text(options->guest.env.items[0], "A=b=c", "a variable");
    EQUAL(options->guest.max_memory, 2ull << 30);
    EQUAL(options->guest.timeout, 1500000000u);
    EQUAL(options->snapshots.files, 2);
    EQUAL(options->snapshots.keep, 7);
    check(options->snapshots.compress && !options->snapshots.sync, "the guest's own are its own");
    check(options->guest.invoke && !*options->guest.invoke, "a function without a name");
    EQUAL((uint64_t)options->npositional, 3);
    check_text(options->positional[1], "--sync", "an argument of the guest's");
    end(&line);
}

static void test_places(void)
{
    struct line line;
    parse(&line, COMMAND_RESTORE, "a.snap --max-fuel 9 --with-base b --with-base=c");
    check(line.good && line.options.guest.max_fuel == 9, "options behind the argument");
    EQUAL((uint64_t)line.options.npositional, 1);
    check_text(line.options.positional[0], "a.snap", "the argument");
    EQUAL(line.options.snapshots.with_base.count, 2);
    end(&line);
    parse(&line, COMMAND_RUN, "-- --sync");
    check(line.good && line.options.npositional == 1 && !line.options.snapshots.sync, "behind --");
    end(&line);
    parse(&line, COMMAND_RESTORE, "");
    EQUAL(line.options.snapshots.keep, 3);
    EQUAL(line.options.guest.max_stack, DEFAULT_STACK_SIZE);
    end(&line);
}

static void test_refused(void)
{
    refuses(COMMAND_RUN, "--nothing", "unknown option --nothing");
    refuses(COMMAND_RUN, "--sync=1", "takes no value");
    refuses(COMMAND_RUN, "--max-fuel", "needs a value");
    refuses(COMMAND_RUN, "--max-fuel 0", "a number above zero");
    refuses(COMMAND_RUN, "--max-fuel 18446744073709551616", "a number above zero");
    refuses(COMMAND_RUN, "--max-memory 17179869184G", "a size");
    refuses(COMMAND_RUN, "--max-memory 65535", "not between");
    refuses(COMMAND_RUN, "--max-stack 4095", "not between");
    refuses(COMMAND_RUN, "--keep 1001", "not between");
    refuses(COMMAND_RUN, "--timeout 10d", "a time");
    refuses(COMMAND_RUN, "--files some", "not one of reference|verify|embed");
    refuses(COMMAND_RUN, "--env =a", "NAME=VALUE");
    refuses(COMMAND_RUN, "--env a", "NAME=VALUE");
    refuses(COMMAND_RUN, "--dir ::a", "a path is empty");
    refuses(COMMAND_RUN, "--dir a::", "a path is empty");
    refuses(COMMAND_RUN, "--snapshot=", "the value is empty");
    refuses(COMMAND_INSPECT, "a.snap --sync", "unknown option --sync");
}

/* ---- and made */

static bool add(void *context, const struct setting *setting)
{
    struct buffer *text = context;
    struct arguments option = {0};
    char value[200];
    snprintf(value, sizeof value, "%s%s%s", setting->value ? setting->value : "",
             setting->directory ? "::" : "", setting->directory ? setting->directory : "");
    setting_add(&option, setting, value);
    if (text->size)
        buffer_put_u8(text, ' ');
    buffer_put(text, option.list[0], strlen(option.list[0]));
    arguments_free(&option);
    return true;
}

static void makes(enum command command, const char *given, enum option_trait trait,
                  const char *wanted)
{
    struct line line;
    struct buffer text = {0};
    parse(&line, command, given);
    check(line.good && options_walk(&line.options, (int)command, trait, add, &text), given);
    buffer_put_u8(&text, 0);
    check_text((const char *)text.data, wanted, given);
    buffer_free(&text);
    end(&line);
}

static void test_made(void)
{
    const char *all =
        "--host wasmtime --name n --dir a::b --env A=b --tier auto --snapshot s --trigger t "
        "--every 2s --max-memory 1M --base b --embed d --files verify --sign k --decrypt-with l "
        "--compress --verbose";
    makes(COMMAND_RUN, all, OPTION_INSIDE,
          "--dir=a::b --env=A=b --snapshot=s --trigger=t --base=b --compress --files=verify "
          "--embed=d --every=2000000000ns --keep=3 --max-memory=1048576 --max-stack=4194304");
    makes(COMMAND_RUN, all, OPTION_TRAVELS,
          "--dir=a::b --tier=auto --compress --files=verify --every=2000000000ns --keep=3 "
          "--max-memory=1048576 --max-stack=4194304");
    makes(COMMAND_RUN, all, OPTION_SHOWN, "--snapshot=s --trigger=t --base=b");
    makes(COMMAND_RUN, all, OPTION_READ, "--base=b --sign=k --decrypt-with=l");
    makes(COMMAND_RESTORE, "a.snap --module m --with-base b --with-base c", OPTION_AGAIN,
          "--module=m --with-base=b --with-base=c");
    makes(COMMAND_RESTORE, "", OPTION_READ, "");
}

static bool stop(void *context, const struct setting *setting)
{
    (void)setting;
    ++*(unsigned *)context;
    return false;
}

static bool change(void *context, const char *name, const char **value)
{
    (void)name;
    *value = context;
    return true;
}

static void test_walk(void)
{
    struct line line;
    unsigned visits = 0;
    char other[] = "other";
    parse(&line, COMMAND_RESTORE, "--with-base b --with-base c --dir d --base a");
    check(!options_walk(&line.options, COMMAND_RESTORE, OPTION_INSIDE, stop, &visits), "is false");
    EQUAL(visits, 1);
    check(options_change(&line.options, COMMAND_RESTORE, OPTION_AGAIN, change, other), "changed");
    check_text(line.options.snapshots.with_base.items[1], "other", "one of a list");
    check_text(line.options.snapshots.base, "other", "a text");
    check(!line.options.guest.module, "one that was not given stays so");
    check_text(line.options.guest.dirs[0].host_path, "d", "a directory is no text");
    end(&line);
}

static void test_travels(void)
{
    check(option_travels("--sync") && option_travels("--max-fuel=1") && option_travels("--dir=/"),
          "those that do");
    check(!option_travels("--sync=1") && !option_travels("--max-fuel") && !option_travels("--dir"),
          "only whole");
    check(!option_travels("--snapshot=s") && !option_travels("--base=b") &&
              !option_travels("--trigger=t") && !option_travels("--embed=d") &&
              !option_travels("--standby") && !option_travels("--nothing=1") &&
              !option_travels("") && !option_travels("a"),
          "those that do not");
}

/* ---- the table says nothing that it does not mean */

static void test_table(void)
{
    for (const struct option *option = option_table; option->name; option++) {
        bool text = option->kind == TEXT || option->kind == LIST;
        bool path = option->traits & (OPTION_SHOWN | OPTION_READ | OPTION_AGAIN);
        check(option->commands && !(option->commands & ~COMMAND_ANY), option->name);
        check((option->argument == NULL) == (option->kind == FLAG), option->name);
        check(!path || text, option->name);
        check(!(option->traits & OPTION_TRAVELS) || !text, option->name);
        check(!(option->traits & OPTION_TRAVELS) || (option->commands & COMMAND_RESTORE),
              option->name);
        check(!(option->traits & OPTION_AGAIN) || (option->traits & OPTION_READ), option->name);
        for (int command = 1; command <= COMMAND_RM; command *= 2)
            check(!(option->commands & command) ||
                      option_find(option->name, strlen(option->name), command) == option,
                  option->name);
    }
}

int main(void)
{
    test_values();
    test_places();
    test_refused();
    test_made();
    test_walk();
    test_travels();
    test_table();
    return checks_end();
}
