# Toolchain: Linux on another CPU, YADO_CPU (aarch64, riscv64 or s390x, which is big-endian), by clang
# with the libraries of Debian's cross compilers. Static, so that QEMU's user mode needs nothing else.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${YADO_CPU})
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES YADO_CPU)

set(CMAKE_C_COMPILER clang-19)
set(CMAKE_C_COMPILER_TARGET ${YADO_CPU}-linux-gnu)
set(CMAKE_AR llvm-ar-19 CACHE FILEPATH "")
set(CMAKE_RANLIB llvm-ranlib-19 CACHE FILEPATH "")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -fuse-ld=lld-19")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
