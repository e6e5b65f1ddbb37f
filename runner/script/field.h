#pragma once
/*
 * Fields of the normalised table on top of the stack.  What is missing or of another type is haul's
 * own mistake, and raises an error that says which.  Control thread, protected mode.
 */
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

int64_t field_integer(lua_State *L, const char *name);
int field_int(lua_State *L, const char *name);
double field_number(lua_State *L, const char *name);
bool field_boolean(lua_State *L, const char *name);
/* Borrowed: the table keeps it.  NULL when absent. */
const char *field_text(lua_State *L, const char *name);
const char *field_need_text(lua_State *L, const char *name);
/* The place of the field's word in `words`, a NULL-ended list. */
int field_word(lua_State *L, const char *name, const char *const *words);
/* [-0, +1]  Pushes a table and says how long it is. */
int field_list(lua_State *L, const char *name);
/* [-0, +1]  A list of texts, ended by NULL, in a userdata: the texts are the table's.  NULL where
 * the field is absent. */
const char *const *field_borrow_texts(lua_State *L, const char *name);
/* A copy of a list of texts and its length; the caller's.  NULL where the field is absent. */
char **field_texts(lua_State *L, const char *name, int *n);
