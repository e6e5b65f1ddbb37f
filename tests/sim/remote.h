#pragma once
/* What the files of the simulated stores share. */
#include "world.h"

/* Fails with an answer; false. */
bool remote_refuse(struct op *op, enum err_kind kind, int status, const char *code);
enum sum_kind remote_sum(const struct remote *remote);
void remote_etag(struct remote *remote, const uint8_t md5[MD5_LEN], int parts,
                 char etag[LIMIT_ETAG]);
/* Takes over the blob and the luggage. */
struct object *remote_store(struct remote *remote, const char *key, struct blob *blob,
                            struct luggage luggage, const char *etag, bool is_md5);
struct upload *remote_upload_of(struct remote *remote, struct op *op); /* NULL: refused */
struct upload_part *upload_part_at(struct upload *upload, int n);

bool remote_copy(struct remote *remote, struct op *op);
bool remote_part_copy(struct remote *remote, struct op *op);
