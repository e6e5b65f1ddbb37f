#pragma once
/* The modules of lua/, compiled into the binary by lua/embed.lua. */
#include <stddef.h>

struct embedded_module {
    const char *name;   /* "haul.schema"; NULL ends the list */
    const char *source; /* Lua text */
    size_t length;
};

extern const struct embedded_module embedded_modules[];
