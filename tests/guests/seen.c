// seen WHAT:NAME...: says what a guest finds in its surroundings, a line for each: read:FILE its first line, write:FILE
// whether it could be written to, env:NAME a variable.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *first_line(const char *name)
{
    static char line[256];
    FILE *file = fopen(name, "r");
    if (!file)
        return "cannot be opened";
    if (!fgets(line, sizeof line, file))
        line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    fclose(file);
    return line;
}

static const char *written(const char *name)
{
    FILE *file = fopen(name, "w");
    int good = file && fputs("written\n", file) >= 0;
    good = file && fclose(file) == 0 && good;
    return good ? "written" : "cannot be written";
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = strchr(argv[i], ':'), *found = "?";
        if (!name++)
            return 1;
        if (strncmp(argv[i], "read:", 5) == 0)
            found = first_line(name);
        else if (strncmp(argv[i], "write:", 6) == 0)
            found = written(name);
        else if (strncmp(argv[i], "env:", 4) == 0)
            found = getenv(name) ? getenv(name) : "not there";
        printf("%s %s\n", argv[i], found);
    }
    return 0;
}
