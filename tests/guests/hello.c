// Greets, and shows its arguments.
#include <stdio.h>

int main(int argc, char **argv)
{
    puts("Hello from the guest!");
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    return 0;
}
