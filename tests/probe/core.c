/* haul.core for specs of the modules in lua/: everything that needs no job file of its own. */
#include "script/api.h"
#include "script/vm.h"

int luaopen_core(lua_State *L);

int luaopen_core(lua_State *L)
{
    return luaopen_haul_core(L);
}
