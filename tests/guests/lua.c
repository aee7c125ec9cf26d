// lua SCRIPT [ARG]...: the Lua 5.4 interpreter with the base, string, table, math and utf8
// libraries.
//
// Lua reports errors by longjmp, which this target has not. Here nothing catches an error: it is
// printed and ends the program, so pcall does not catch and coroutines cannot yield. See
// lua/setjmp.h.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

_Noreturn void lua_uncaught(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    fflush(stdout);
    fprintf(stderr, "lua: %s\n", message ? message : "an error without a message");
    exit(1);
}

int main(int argc, char **argv)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},       {LUA_STRLIBNAME, luaopen_string},
        {LUA_TABLIBNAME, luaopen_table}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8}, {NULL, NULL},
    };
    if (argc < 2) {
        fprintf(stderr, "usage: lua SCRIPT [ARG]...\n");
        return 2;
    }
    lua_State *L = luaL_newstate();
    if (!L) {
        fprintf(stderr, "lua: out of memory\n");
        return 1;
    }
    for (const luaL_Reg *library = libraries; library->func; library++) {
        luaL_requiref(L, library->name, library->func, 1);
        lua_pop(L, 1);
    }
    lua_createtable(L, argc, 0);
    for (int i = 1; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - 1);
    }
    lua_setglobal(L, "arg");
    if (luaL_loadfile(L, argv[1]) != LUA_OK)
        lua_uncaught(L);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        lua_uncaught(L);
    lua_close(L);
    return 0;
}
