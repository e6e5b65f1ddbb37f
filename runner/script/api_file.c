/* haul.core: the few files that are read before a job runs, and paths. */
#include "script/api.h"
#include "script/vm.h"
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRIVATE_FILE_MAX (256 << 10) /* shared credential files are a few lines a profile */

/* nil, message, errno name where the script has to tell "not there" from the rest */
static int push_failure(lua_State *L, const char *path, const char *why, bool missing)
{
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, why);
    lua_pushboolean(L, missing);
    return 3;
}

static const char *private_fault(int fd, struct stat *st)
{
    if (fstat(fd, st) != 0)
        return strerror(errno);
    if (!S_ISREG(st->st_mode))
        return "not a regular file";
    if (st->st_uid != geteuid())
        return "belongs to somebody else";
    if (st->st_size > PRIVATE_FILE_MAX)
        return "too large";
    return NULL;
}

static bool read_all(lua_State *L, int fd)
{
    luaL_Buffer text;
    char *room = luaL_buffinitsize(L, &text, PRIVATE_FILE_MAX);
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < PRIVATE_FILE_MAX) {
        n = read(fd, room + len, PRIVATE_FILE_MAX - len);
        len += n > 0 ? (size_t)n : 0;
    }
    luaL_pushresultsize(&text, len);
    return n >= 0;
}

/* path -> text, whether others can read it; or nil, message, whether it is merely not there.  For
 * files that hold secrets: a regular file of our own, or none at all. */
static int api_read_private(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return push_failure(L, path, strerror(errno), errno == ENOENT || errno == ENOTDIR);
    struct stat st;
    const char *fault = private_fault(fd, &st);
    if (!fault && !read_all(L, fd))
        fault = "cannot be read";
    close(fd);
    if (fault)
        return push_failure(L, path, fault, false);
    lua_pushboolean(L, (st.st_mode & 077) != 0);
    return 2;
}

/* An absolute path without symbolic links as far as it exists; nil and why. */
static int api_real_path(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    char real[PATH_MAX];
    if (realpath(path, real)) {
        lua_pushstring(L, real);
        return 1;
    }
    return push_failure(L, path, strerror(errno), errno == ENOENT);
}

static int api_cwd(lua_State *L)
{
    char path[PATH_MAX];
    if (!getcwd(path, sizeof path))
        return push_failure(L, ".", strerror(errno), false);
    lua_pushstring(L, path);
    return 1;
}

/* path, environment -> chunk, or nil and why.  Text only. */
static int api_load_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    int n = vm_load_file(L, path);
    if (n == 1) {
        lua_pushvalue(L, 2);
        lua_setupvalue(L, -2, 1); /* a chunk's only upvalue: its environment */
    }
    return n;
}

static int api_file_exists(lua_State *L)
{
    struct stat st;
    lua_pushboolean(L, stat(luaL_checkstring(L, 1), &st) == 0 && S_ISREG(st.st_mode));
    return 1;
}

static int api_is_directory(lua_State *L)
{
    struct stat st;
    lua_pushboolean(L, stat(luaL_checkstring(L, 1), &st) == 0 && S_ISDIR(st.st_mode));
    return 1;
}

/* May anybody on the machine change this file? */
static int api_others_may_write(lua_State *L)
{
    struct stat st;
    lua_pushboolean(L, stat(luaL_checkstring(L, 1), &st) == 0 && (st.st_mode & S_IWOTH));
    return 1;
}

static int close_stream(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    return luaL_fileresult(L, fclose(stream->f) == 0, NULL);
}

/* path -> a file to write to, which only its owner may read, or nil and why.  What has the name is
 * replaced, a link to somewhere else too. */
static int api_create_private(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    luaL_Stream *stream = lua_newuserdatauv(L, sizeof *stream, 0);
    stream->closef = NULL; /* closed, until it is open */
    luaL_setmetatable(L, LUA_FILEHANDLE);
    if (unlink(path) != 0 && errno != ENOENT)
        return push_failure(L, path, strerror(errno), false);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    stream->f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!stream->f) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return push_failure(L, path, strerror(reason), false);
    }
    stream->closef = close_stream;
    return 1;
}

/* file, its path, another -> true, when all of it is on the disk and it has that path; or nil and
 * why.  The file is closed either way. */
static int api_finish_private(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    const char *temp = luaL_checkstring(L, 2), *path = luaL_checkstring(L, 3);
    luaL_argcheck(L, stream->closef, 1, "it is closed");
    bool good = fflush(stream->f) == 0 && fsync(fileno(stream->f)) == 0;
    int reason = errno;
    stream->closef = NULL;
    if (fclose(stream->f) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && rename(temp, path) != 0) {
        good = false;
        reason = errno;
    }
    if (!good)
        return push_failure(L, path, strerror(reason), false);
    lua_pushboolean(L, 1);
    return 1;
}

static const luaL_Reg file_functions[] = {
    {"create_private", api_create_private},
    {"cwd", api_cwd},
    {"file_exists", api_file_exists},
    {"finish_private", api_finish_private},
    {"is_directory", api_is_directory},
    {"load_file", api_load_file},
    {"others_may_write", api_others_may_write},
    {"read_private", api_read_private},
    {"real_path", api_real_path},
    {NULL, NULL},
};

void api_file_add(lua_State *L)
{
    luaL_setfuncs(L, file_functions, 0);
}
