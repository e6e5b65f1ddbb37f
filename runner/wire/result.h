#pragma once
/*
 * The short documents: an error, the result of a create, a complete or a copy.  Pure; any thread.
 * Fields that could repeat a secret or what was signed are never taken out of an error.
 */
#include "wire/object_api.h"

struct result {
    char root[48]; /* "Error", "CompleteMultipartUploadResult"; "" for JSON */
    char code[48], message[320], request_id[72], host_id[104];
    char ec[48];                    /* the precise cause, of OSS and TOS */
    char region[64], endpoint[128]; /* where the bucket is */
    char upload_id[LIMIT_UPLOAD_ID + 1];
    char etag[LIMIT_ETAG], last_modified[40];
    char sum_type[24]; /* FULL_OBJECT or COMPOSITE */
    char crc64nvme[48], crc32c[48], crc32[48];
    bool cut; /* a field that must be whole did not fit */
};

/* False when it is no complete document. */
bool result_read(struct slice text, bool json, struct result *result, struct err *err);
