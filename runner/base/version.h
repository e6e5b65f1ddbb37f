#pragma once
/* The version of haul: in `haul version`, in the User-Agent, in the journal. */
#define HAUL_VERSION "0.1.0"
