// cat [FILE]...: copies files, or standard input for "-" and where no file is given, to standard
// output.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int copy(int from, const char *name)
{
    char buffer[4096];
    ssize_t got;
    while ((got = read(from, buffer, sizeof buffer)) > 0)
        for (ssize_t done = 0; done < got;) {
            ssize_t n = write(STDOUT_FILENO, buffer + done, (size_t)(got - done));
            if (n < 0) {
                perror("cat: standard output");
                return 1;
            }
            done += n;
        }
    if (got < 0) {
        perror(name);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc == 1)
        return copy(STDIN_FILENO, "standard input");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-") == 0) {
            failed |= copy(STDIN_FILENO, "standard input");
            continue;
        }
        int from = open(argv[i], O_RDONLY);
        if (from < 0) {
            perror(argv[i]);
            failed = 1;
            continue;
        }
        failed |= copy(from, argv[i]);
        close(from);
    }
    return failed;
}
