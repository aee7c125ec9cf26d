// identity FILE DIRECTORY [UNITS]: opens both and works for a while (a checkpoint belongs there).
// Then it writes to the file and makes another in the directory, by their descriptors.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile unsigned worked;

__attribute__((noinline)) static void work(void)
{
    worked++;
}

int main(int argc, char **argv)
{
    unsigned long units = argc > 3 ? strtoul(argv[3], NULL, 10) : 100000;
    int file = open(argv[1], O_RDWR | O_APPEND), directory = open(argv[2], O_RDONLY | O_DIRECTORY);
    if (argc < 3 || file < 0 || directory < 0) {
        perror("identity");
        return 1;
    }
    for (unsigned long i = 0; i < units; i++)
        work();
    int made = openat(directory, "made", O_WRONLY | O_CREAT, 0644);
    if (write(file, "after", 5) != 5 || made < 0 || write(made, "here", 4) != 4) {
        perror("identity");
        return 1;
    }
    puts("written");
    return 0;
}
