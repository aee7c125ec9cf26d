# Toolchain: yadokari.wasm, for any host that runs a WASI preview 1 command.
#
# The oldest host that has to accept the module (WAMR of 2020) knows WebAssembly 1.0 and exported
# mutable globals, so that is all the compiler may use. `-mcpu=mvp` also makes clang write
# `call_indirect` with a one-byte table index: its default for newer CPUs is a padded index, which
# old hosts refuse.

set(CMAKE_SYSTEM_NAME WASI)
set(CMAKE_SYSTEM_VERSION 1)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})

set(CMAKE_C_COMPILER clang-19)
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_SYSROOT /usr)
set(CMAKE_AR llvm-ar-19 CACHE FILEPATH "")
set(CMAKE_RANLIB llvm-ranlib-19 CACHE FILEPATH "")

set(CMAKE_C_FLAGS_INIT "-mcpu=mvp -mmutable-globals")
# The shadow stack lies first, so that its overflow traps instead of running over data. It has 960 KB: all data then lies
# below 1 MB, and an address has three bytes in the code instead of four (docs/performance.md, Size).
#
# -B: Binaryen runs where CMakeLists.txt says so, and not after each link.
#
# crt1.o instead of the default crt1-command.o: with the latter the linker wraps every exported
# function in one that runs constructors and exit handlers, and the module exports functions that a
# host calls in the middle of a run.
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-B${CMAKE_CURRENT_LIST_DIR}/unoptimised -Wl,--stack-first -Wl,-z,stack-size=983040 -nostartfiles ${CMAKE_SYSROOT}/lib/wasm32-wasi/crt1.o")

set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
