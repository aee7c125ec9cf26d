// Stands in for <setjmp.h>, which wasi-libc has not. LUAI_TRY just runs its body; LUAI_THROW prints
// what Lua left on top of the stack and ends the program.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define luai_jmpbuf       int
#define LUAI_TRY(L, c, a) {a}
#define LUAI_THROW(L, c)  lua_uncaught(L)

struct lua_State;
_Noreturn void lua_uncaught(struct lua_State *L);
