// identity FILE DIRECTORY [UNITS]: opens both and works for a while (a checkpoint belongs there).
// Then it writes to the file and makes another in the directory, by their descriptors.
//
// identity PIPE: opens it for reading, works for a while and reads.
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

static void work_a_while(unsigned long units)
{
    for (unsigned long i = 0; i < units; i++)
        work();
}

static int read_pipe(const char *path)
{
    char bytes[100];
    int pipe = open(path, O_RDONLY);
    work_a_while(100000);
    int size = (int)read(pipe, bytes, sizeof bytes);
    if (size < 0)
        perror("read");
    printf("read %d\n", size);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return read_pipe(argv[1]);
    int file = open(argv[1], O_RDWR | O_APPEND), directory = open(argv[2], O_RDONLY | O_DIRECTORY);
    if (file < 0 || directory < 0) {
        perror("identity");
        return 1;
    }
    work_a_while(argc > 3 ? strtoul(argv[3], NULL, 10) : 100000);
    int made = openat(directory, "made", O_WRONLY | O_CREAT, 0644);
    if (write(file, "after", 5) != 5 || made < 0 || write(made, "here", 4) != 4) {
        perror("identity");
        return 1;
    }
    puts("written");
    return 0;
}
