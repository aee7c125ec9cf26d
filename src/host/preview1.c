#include "host/preview1.h"

const char *errno_message(wasi_errno error)
{
    switch (error) {
    case ERRNO_SUCCESS: return "success";
#define ERRNO(name, number, message) \
    case number: return message;
#include "host/errno.def"
    default: return "unknown error";
    }
}
