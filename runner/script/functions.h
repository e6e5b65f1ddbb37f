#pragma once
/* The pure functions of a task, as the engine calls them (core/hooks.h).  Control thread only. */
#include "core/hooks.h"
#include "script/state.h"

/* Fills in the members that the job's tasks have functions for. */
void functions_fill(const struct script *script, struct hooks *hooks);
