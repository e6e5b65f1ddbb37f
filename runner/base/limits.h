#pragma once
/* Every maximum in haul, with its reason.  Bytes unless the name says otherwise. */

#define LIMIT_KEY          1024       /* the longest key of any provider; also what we journal */
#define LIMIT_PARTS        10000      /* parts in one upload: S3, OSS and TOS alike */
#define LIMIT_PARTS_AIM    8192       /* what part sizes are grown for, leaving headroom */
#define LIMIT_HEADERS      (64 << 10) /* of one answer; libcurl alone would take megabytes */
#define LIMIT_ERROR_BODY   (64 << 10) /* an error document is a few hundred bytes */
#define LIMIT_DOCUMENT     (16 << 20) /* listings, part lists: 1000 entries are below 2 MiB */
#define LIMIT_XML_DEPTH    16         /* the deepest real reply nests 5 */
#define LIMIT_XML_TEXT     (16 << 10) /* of one element; a percent-encoded key is 3 KiB */
#define LIMIT_JSON_DEPTH   32
#define LIMIT_REQUEST_BODY (4 << 20)   /* 10,000 parts in a Complete are below 2 MiB */
#define LIMIT_ETAG         160         /* longest seen: 70; journalled, so bounded */
#define LIMIT_UPLOAD_ID    1024        /* S3's are about 128, some compatibles' near 500 */
#define LIMIT_TOKEN        4096        /* continuation tokens */
#define LIMIT_METADATA     (8 << 10)   /* user metadata together; S3 allows 2 KiB, TOS more */
#define LIMIT_SMALL_BODY   (256 << 10) /* an object held in memory instead of a part on disk */
/* Between a GET and a PUT: what both ends are busy with for a millisecond at 4 Gbit/s. */
#define LIMIT_RELAY         (512 << 10)
#define LIMIT_FAN           8           /* targets that one GET feeds */
#define LIMIT_RELAY_MIN     (64 << 10)  /* below, a pair does nothing but pause */
#define LIMIT_RELAYS        (64 << 20)  /* of all pairs: more than 128 get less each */
#define LIMIT_SINGLE_PUT    (16 << 20)  /* above this an upload goes in parts */
#define LIMIT_READ_BACK     (64 << 20)  /* of one request that reads to compare */
#define LIMIT_COPY_PART     (128 << 20) /* a part that a service copies itself */
#define LIMIT_PART_MIN      (8 << 20)   /* the automatic part size starts here */
#define LIMIT_OBJECT_SIZE   (INT64_C(53687091200000)) /* 50 TB, the largest any provider names */
#define LIMIT_LIST_PAGES    20000000 /* pages of one listing before it is called endless */
#define LIMIT_EMPTY_PAGES   10000    /* in a row: below ten million deleted versions */
#define LIMIT_BACKLOG       4096     /* objects known but not started */
#define LIMIT_CONCURRENCY   4096
#define LIMIT_LANES         16
#define LIMIT_LINE          (64 << 10)      /* of a log or event line */
#define LIMIT_HOOK_GRACE_MS 2000            /* beyond that, before the process is ended */
#define LIMIT_SCRIPT_MEMORY (256 << 20)     /* of the Lua state */
#define LIMIT_ANSWER        (1 << 20)       /* of haul.http and haul.exec, where they name none */
#define LIMIT_ASIDE         8               /* requests of scripts in a lane beside transfers */
#define LIMIT_HOOKS_WAITING 1000            /* hooks that run or wait before no object is opened */
#define LIMIT_COMMANDS      4               /* of scripts at one time; more wait */
#define LIMIT_SYNC_GROUP    256             /* small files made durable together */
#define LIMIT_SYNC_WAIT_MS  200             /* how long the first of a group waits for others */
#define LIMIT_STATE         (1 << 20)       /* job.state as text: it is written whole each time */
#define LIMIT_RETRY_MS      (5 * 60 * 1000) /* a store that asks for more is not waited for */
