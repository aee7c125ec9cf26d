/* fuzz_hosts.c - any text at all is a host configuration or is refused with its line; of one that is
 * taken every host can be made a command line of, or says why not. */
#include <stdlib.h>
#include <string.h>

#include "cli/native/hosts/configuration.h"
#include "cli/native/hosts/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void make_words(const char *words)
{
    static const struct replacement replacements[] = {
        {"{module}", "/m.wasm"}, {"{directories}", ""}, {"{address}", "[::]:80"}, {NULL, NULL}};
    struct arguments arguments = {0};
    struct error error = {.kind = ERROR_NONE};
    require(!words || words_end(words));
    if (!words_add(&arguments, words, replacements, &error))
        require(error.kind == ERROR_USAGE && error.message[0]);
    for (size_t i = 0; i < arguments.count; i++)
        require(arguments.list[i] != NULL);
    arguments_free(&arguments);
}

static void look_at(const struct host *host)
{
    require(host->name && *host->name && strlen(host->name) < 32 && !strchr(host->name, '/'));
    require(host->program && *host->program && host->run && *host->run && host->build);
    make_words(host->version);
    make_words(host->compile);
    make_words(host->run);
    make_words(host->directory);
    make_words(host->listen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_list list = {0};
    struct error error = {.kind = ERROR_NONE};
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    if (configuration_read(&list, "conf", text, &error)) {
        for (size_t i = 0; i < list.count; i++)
            look_at(&list.hosts[i]);
        require(!list.count || !list.hosts[list.count].name);
    } else {
        require(error.kind == ERROR_USAGE && strncmp(error.message, "conf, line ", 11) == 0);
    }
    free(list.hosts);
    free(text);
    return 0;
}
