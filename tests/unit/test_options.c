/* test_options.c - the options' table: what is parsed, what goes on into a host or to another machine,
 * and what names files. */
#include <stdlib.h>

#include "base/text.h"
#include "check.h"
#include "cli/options.h"

static struct options options;
static struct error error;

static bool parse(enum command command, const char *line)
{
    static char text[4096];
    static const char *words[64];
    int count = 0;
    options_free(&options);
    error = (struct error){.offset = ERROR_NO_OFFSET};
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    return options_parse(&options, command, count, words, &error);
}

static void test_parsed(void)
{
    CHECK(parse(COMMAND_RUN, "--dir a::b --env X=1 --max-memory=2M --timeout 1.5s app --dir c"));
    CHECK(options.guest.ndirs == 1 && strcmp(options.guest.dirs[0].guest_path, "b") == 0);
    CHECK(options.guest.env.count == 1 && options.guest.max_memory == 2 << 20);
    EQUAL(options.guest.timeout, 1500000000);
    CHECK(options.npositional == 3 && strcmp(options.positional[1], "--dir") == 0);
    EQUAL(options.snapshots.keep, 3);
    CHECK(parse(COMMAND_RESTORE, "x.snap --keep 4 --files embed"));
    CHECK(options.npositional == 1 && options.snapshots.keep == 4 && options.snapshots.files == 2);
    CHECK(parse(COMMAND_RUN, "-- --compress") && !options.snapshots.compress);
}

static void refused(enum command command, const char *line, const char *word)
{
    check(!parse(command, line) && error.kind == ERROR_USAGE && strstr(error.message, word), line);
}

static void test_refused(void)
{
    refused(COMMAND_RUN, "--nonsense", "--nonsense");
    refused(COMMAND_RUN, "--keep", "--keep needs a value");
    refused(COMMAND_RUN, "--keep 0", "--keep 0");
    refused(COMMAND_RUN, "--keep 1001", "between 1 and 1000");
    refused(COMMAND_RUN, "--keep 18446744073709551616", "--keep");
    refused(COMMAND_RUN, "--compress=1", "takes no value");
    refused(COMMAND_RUN, "--env X", "NAME=VALUE");
    refused(COMMAND_RUN, "--dir ::x", "empty");
    refused(COMMAND_RUN, "--snapshot=", "empty");
    refused(COMMAND_RUN, "--files some", "reference|verify|embed");
    refused(COMMAND_RUN, "--max-memory 5G", "--max-memory");
    refused(COMMAND_PS, "--compress", "--compress");
}

static bool note(void *context, const struct option_value *value)
{
    text_add(context, value->text ? "%s=%s " : "%s ", value->name, value->text ? *value->text : "");
    return true;
}

static void visited(enum command command, unsigned traits, const char *wanted)
{
    struct buffer text = {0};
    CHECK(options_visit(&options, (int)command, traits, note, &text));
    check_text(text.size ? (const char *)text.data : "", wanted, "what is visited");
    buffer_free(&text);
}

static void test_traits(void)
{
    CHECK(parse(COMMAND_RESTORE,
                "--dir a --host x --tier auto --verbose --trigger t --snapshot s --base b "
                "--with-base c --with-base d --module m --sign k --decrypt-with l --every 2ms "
                "--clocks jump --compress --max-stack 64K f"));
    visited(COMMAND_RESTORE, OPTION_INSIDE,
            "--snapshot=s --trigger=t --base=b --with-base=c --with-base=d --compress "
            "--clocks=jump --every=2000000ns --keep=3 --max-stack=65536 ");
    visited(COMMAND_RESTORE, OPTION_TRAVELS,
            "--tier=auto --compress --every=2000000ns --keep=3 --max-stack=65536 ");
    visited(COMMAND_RESTORE, OPTION_READS, "--module=m --base=b --with-base=c --with-base=d ");
    visited(COMMAND_RESTORE, OPTION_KEY, "--sign=k --decrypt-with=l ");
    visited(COMMAND_RESTORE, OPTION_WRITES, "--snapshot=s --trigger=t ");
}

/* What is handed on is understood, and means the same. */
struct again {
    const char *words[64];
    char text[64][80];
    int count;
};

static bool collect(void *context, const struct option_value *value)
{
    struct again *again = context;
    snprintf(again->text[again->count], sizeof again->text[0], value->text ? "%s=%s" : "%s",
             value->name, value->text ? *value->text : "");
    again->words[again->count] = again->text[again->count];
    again->count++;
    return true;
}

static void test_again(void)
{
    static struct again again;
    struct options other;
    CHECK(parse(COMMAND_RESTORE, "--tier sealed --files verify --every 3m --keep 9 --max-memory 3G "
                                 "--max-stack 1M --max-fuel 77 --timeout 9us --embed-module "
                                 "--compress --sync --reproducible --canonical x"));
    CHECK(options_visit(&options, COMMAND_RESTORE, OPTION_TRAVELS, collect, &again));
    for (int i = 0; i < again.count; i++)
        check(option_travels(again.words[i]), again.words[i]);
    CHECK(options_parse(&other, COMMAND_RESTORE, again.count, again.words, &error));
    CHECK(other.tier == TIER_SEALED && other.snapshots.files == 1 && other.snapshots.keep == 9);
    CHECK(other.snapshots.every == options.snapshots.every && other.guest.max_fuel == 77);
    CHECK(other.guest.max_memory == options.guest.max_memory && other.guest.timeout == 9000);
    CHECK(other.snapshots.embed_module && other.snapshots.compress && other.snapshots.sync);
    CHECK(other.snapshots.reproducible && other.guest.canonical);
    options_free(&other);
    CHECK(!option_travels("--module=x") && !option_travels("--trigger=x"));
    CHECK(!option_travels("--status-file=x") && !option_travels("--sign=x"));
    CHECK(!option_travels("--compress=1") && !option_travels("--keep") &&
          option_travels("--dir=x"));
}

int main(void)
{
    test_parsed();
    test_refused();
    test_traits();
    test_again();
    options_free(&options);
    return checks_end();
}
