#pragma once
/*
 * What a failure below HTTP means: libcurl's codes in the words of struct err.  Pure; any thread.
 */
#include "wire/store.h"

/* `code` is a CURLcode, `text` what libcurl said of it ("": nothing).  Fills `err`, returns false.
 */
bool transport_fault(const struct store *store, int code, const char *text, struct err *err);
