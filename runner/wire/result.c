#include "wire/result.h"
#include "wire/document.h"
#include <stddef.h>
#include <string.h>

#define FIELD(name, member, whole)                                                         \
    {                                                                                      \
        name, offsetof(struct result, member), sizeof(((struct result *)0)->member), whole \
    }

/* What is taken, under which name, and whether half of it would be worse than nothing. */
static const struct {
    const char *name;
    size_t offset, size;
    bool whole;
} fields[] = {
    FIELD("Code", code, false),
    FIELD("Message", message, false),
    FIELD("RequestId", request_id, false),
    FIELD("HostId", host_id, false),
    FIELD("EC", ec, false),
    FIELD("Region", region, false),
    FIELD("Endpoint", endpoint, false),
    FIELD("UploadId", upload_id, true),
    FIELD("ETag", etag, true),
    FIELD("LastModified", last_modified, false),
    FIELD("ChecksumType", sum_type, false),
    FIELD("ChecksumCRC64NVME", crc64nvme, false),
    FIELD("ChecksumCRC32C", crc32c, false),
    FIELD("ChecksumCRC32", crc32, false),
};

static bool take_field(void *context, const char *record, const char *name, struct slice text)
{
    struct result *result = context;
    /* Some endpoints of OSS wrap the error: {"Error": {...}}. */
    if (record && strcmp(record, "Error") != 0)
        return true;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(name, fields[i].name) != 0)
            continue;
        size_t len = text.len < fields[i].size ? text.len : fields[i].size - 1;
        if (len < text.len && fields[i].whole)
            result->cut = true;
        memcpy((char *)result + fields[i].offset, text.data, len);
        ((char *)result)[fields[i].offset + len] = '\0';
    }
    return true;
}

bool result_read(struct slice text, bool json, struct result *result, struct err *err)
{
    *result = (struct result){0};
    struct document_sink sink = {.context = result, .field = take_field, .err = err};
    bool ok = document_read(text, json, &sink);
    memcpy(result->root, sink.root, sizeof result->root);
    return ok;
}
