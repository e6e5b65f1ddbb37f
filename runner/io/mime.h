#pragma once
/*
 * Content types of files by the ending of their names, from the system's table (/etc/mime.types, or
 * the file that HAUL_MIME_TYPES names).  Read once, when first asked for; kept as long as the
 * process lives.  Control thread only.
 */

/* NULL: the table does not know the ending, or there is no table. */
const char *mime_type(const char *name);
