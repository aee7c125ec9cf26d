#include "host/posix/posix.h"

#include <errno.h>

wasi_errno errno_of(int number)
{
    switch (number) {
    case 0: return ERRNO_SUCCESS;
#define ERRNO(name, wasi, message) \
    case E##name: return wasi;
#define ERRNO_WASI(name, wasi, message)
#include "host/errno.def"
#if ENOTSUP != EOPNOTSUPP
    case EOPNOTSUPP: return ERRNO_NOTSUP;
#endif
    default: return ERRNO_IO;
    }
}

wasi_errno last_errno(void)
{
    return errno_of(errno);
}

wasi_errno errno_result(int result)
{
    return result < 0 ? last_errno() : ERRNO_SUCCESS;
}
