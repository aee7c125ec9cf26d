#include "cli/native/life.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

bool life_lock(int file)
{
    struct flock whole = whole_file();
    return fcntl(file, F_OFD_SETLK, &whole) == 0;
}

int life_begin(const char *path, struct error *error)
{
    int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0 && life_lock(file))
        return file;
    error_set(error, ERROR_IO, "cannot lock %s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return -1;
}

bool life_goes_on(const char *path)
{
    struct flock whole = whole_file();
    int file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return errno != ENOENT && errno != ENOTDIR;
    bool locked = fcntl(file, F_OFD_GETLK, &whole) != 0 || whole.l_type != F_UNLCK;
    close(file);
    return locked;
}
