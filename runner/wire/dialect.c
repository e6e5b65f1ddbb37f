#include "wire/dialect.h"
#include "base/limits.h"
#include "wire/sign_v4.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const struct dialect s3 = {
    .kind = STORE_S3,
    .name = "s3",
    .title = "S3",
    .v4 = &v4_aws,
    .h_date = "x-amz-date",
    .h_token = "x-amz-security-token",
    .h_payload = "x-amz-content-sha256",
    .h_request_id = "x-amz-request-id",
    .h_host_id = "x-amz-id-2",
    .h_delay_ms = "x-amz-retry-after",
    .h_encryption = "x-amz-server-side-encryption",
    .h_customer_key = "x-amz-server-side-encryption-customer-algorithm",
    .key_max = 1024,
    .part_min = 5 * MIB,
    .part_max = 5 * GIB,
    .single_max = 5 * GIB,
    .copy_max = 5 * GIB,
    .object_max = LIMIT_OBJECT_SIZE,
    .page_max = 1000,
    .delete_max = 1000,
    .endpoint = "s3.%s.amazonaws.com",
    .endpoint_cn = "s3.%s.amazonaws.com.cn",
    .default_region = "us-east-1",
};

static const struct dialect oss = {
    .kind = STORE_OSS,
    .name = "oss",
    .title = "OSS",
    .v4 = &v4_oss,
    .crc64 = true,
    .bare_queries = true,
    .h_date = "x-oss-date",
    .h_token = "x-oss-security-token",
    .h_payload = "x-oss-content-sha256",
    .h_request_id = "x-oss-request-id",
    .h_host_id = "x-oss-ec",
    .h_error_code = "x-oss-ec",
    .h_crc64 = "x-oss-hash-crc64ecma",
    .h_delay_ms = "x-oss-qos-delay-time",
    .h_encryption = "x-oss-server-side-encryption",
    .h_customer_key = "x-oss-server-side-encryption-customer-algorithm",
    .key_max = 1023,
    .part_min = 100 * KIB,
    .part_max = 5 * GIB,
    .single_max = INT64_C(5000000000),
    .copy_max = 1 * GIB, /* what is larger is not sure to be copied while one waits */
    .object_max = INT64_C(48800000000000),
    .page_max = 1000,
    .delete_max = 1000,
    .endpoint = "oss-%s.aliyuncs.com",
};

static const struct dialect tos = {
    .kind = STORE_TOS,
    .name = "tos",
    .title = "TOS",
    .v4 = &v4_tos,
    .json = true,
    .crc64 = true,
    .h_date = "x-tos-date",
    .h_token = "x-tos-security-token",
    .h_payload = "x-tos-content-sha256",
    .h_request_id = "x-tos-request-id",
    .h_host_id = "x-tos-id-2",
    .h_error_code = "x-tos-ec",
    .h_crc64 = "x-tos-hash-crc64ecma",
    .h_delay_ms = "x-tos-qos-delay-time",
    .h_encryption = "x-tos-server-side-encryption",
    .h_customer_key = "x-tos-server-side-encryption-customer-algorithm",
    .key_max = 696,
    .part_min = 5 * MIB,
    .part_max = 5 * GIB,
    .single_max = 5 * GIB,
    .copy_max = 5 * GIB,
    .object_max = LIMIT_OBJECT_SIZE,
    .page_max = 1000,
    .delete_max = 1000,
    .endpoint = "tos-%s.volces.com",
};

const struct dialect *dialect_of(enum store_kind kind)
{
    static const struct dialect *const all[] = {
        [STORE_DIR] = NULL, [STORE_S3] = &s3, [STORE_OSS] = &oss, [STORE_TOS] = &tos};
    return all[kind];
}
