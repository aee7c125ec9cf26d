// given: tells how long each of its arguments and variables is, and a number made of its bytes; then
// what standard input holds, and whether it can write.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void tell(const char *what, const char *text)
{
    unsigned number = 5381;
    for (const char *at = text; *at; at++)
        number = number * 33 + (unsigned char)*at;
    printf("%s: %zu bytes, %u\n", what, strlen(text), number);
}

int main(int argc, char **argv)
{
    char bytes[64];
    for (int i = 1; i < argc; i++)
        tell("argument", argv[i]);
    for (char **variable = environ; *variable; variable++)
        tell("variable", *variable);
    printf("input: %zd bytes\n", read(0, bytes, sizeof bytes));
    return fflush(stdout) ? 1 : 0;
}
