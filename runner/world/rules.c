#include "world/rules.h"
#include "base/glob.h"
#include "wire/failure.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names ---------------------------------------------------------------------------- */

static const char *const call_names[CALL_KINDS] = {
    [CALL_HEAD] = "head",
    [CALL_GET] = "get",
    [CALL_PUT] = "put",
    [CALL_COPY] = "copy",
    [CALL_CREATE] = "create_upload",
    [CALL_PART] = "upload_part",
    [CALL_PART_COPY] = "copy_part",
    [CALL_LIST_PARTS] = "list_parts",
    [CALL_COMPLETE] = "complete",
    [CALL_ABORT] = "abort",
    [CALL_LIST] = "list",
    [CALL_DELETE] = "delete",
    [CALL_DELETE_MANY] = "delete",
    [CALL_LIST_UPLOADS] = "list_uploads",
    [CALL_GET_TAGS] = "get_tags",
    [CALL_PUT_TAGS] = "put_tags",
};

static const char *const op_names[OP_KINDS] = {
    [OP_OPEN] = "open",  [OP_HASH] = "read",       [OP_TEMP] = "temp",     [OP_COPY] = "write",
    [OP_SAVE] = "write", [OP_RECHECK] = "recheck", [OP_FINISH] = "finish", [OP_REMOVE] = "remove",
    [OP_HTTP] = "http",  [OP_EXEC] = "exec",
};

const char *rule_name(const struct op *op)
{
    const char *name = op->kind == OP_CALL ? call_names[op->in.call.kind] : op_names[op->kind];
    return name ? name : op_name(op);
}

static bool is_among(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (names[i] && !strcmp(names[i], name))
            return true;
    return false;
}

bool rule_name_known(const char *name)
{
    return is_among(call_names, CALL_KINDS, name) || is_among(op_names, OP_KINDS, name);
}

/* --- errors --------------------------------------------------------------------------- */

/* What stores answer where they mean this. */
static const struct answer {
    enum err_kind kind;
    int status;
    const char *code;
} answers[] = {
    {ERR_THROTTLED, 503, "SlowDown"},
    {ERR_SERVER, 500, "InternalError"},
    {ERR_AUTH, 403, "ExpiredToken"},
    {ERR_DENIED, 403, "AccessDenied"},
    {ERR_MISSING, 404, "NoSuchKey"},
    {ERR_CHANGED, 412, "PreconditionFailed"},
    {ERR_INVALID, 400, "InvalidArgument"},
    {ERR_NETWORK, 0, ""},
    {ERR_TIMEOUT, 0, ""},
    {ERR_CORRUPT, 0, ""},
};

/* What a code says of trying again counts where it is of that kind. */
static bool remote_error(struct err *err, enum err_kind kind)
{
    const struct err said = *err;
    const struct answer *answer = answers, *end = answers + sizeof answers / sizeof *answers;
    struct err meant = {0};

    while (answer < end && answer->kind != kind)
        answer++;
    if (answer == end)
        return false;
    const char *code = said.code[0] ? said.code : answer->code;
    int status = said.status ? said.status : answer->status;
    if (status)
        err_set(err, kind, "%s (HTTP %d)", code, status);
    else
        err_set(err, kind, kind == ERR_TIMEOUT ? "no bytes for too long" : "the connection broke");
    failure_classify(status, code, &meant);
    err->final = status && meant.kind == kind && meant.final;
    err->status = status;
    err->retry_after_ms = said.retry_after_ms;
    memcpy(err->code, said.code, sizeof err->code);
    if (!said.code[0])
        snprintf(err->code, sizeof err->code, "%s", answer->code);
    return true;
}

static bool disk_error(struct err *err, enum err_kind kind)
{
    bool full = !strcmp(err->code, "ENOSPC");
    int errnum = kind == ERR_DENIED    ? EACCES
                 : kind == ERR_MISSING ? ENOENT
                 : kind != ERR_DISK    ? 0
                 : full                ? ENOSPC
                                       : EIO;

    if (kind == ERR_CHANGED || kind == ERR_CORRUPT)
        err_set(err, kind, "the file is not what it was");
    else if (errnum)
        err_sys(err, errnum, "the disk fails");
    return errnum || kind == ERR_CHANGED || kind == ERR_CORRUPT;
}

bool rule_error(struct rule *rule, enum err_kind kind, bool remote)
{
    return remote ? remote_error(&rule->err, kind) : disk_error(&rule->err, kind);
}

/* --- rules ---------------------------------------------------------------------------- */

void rules_add(struct rules *rules, const struct rule *rule)
{
    if (rules->n == rules->cap) {
        rules->cap = rules->cap ? 2 * rules->cap : 8;
        rules->item = xrealloc(rules->item, (size_t)rules->cap * sizeof *rules->item);
    }
    rules->item[rules->n++] = *rule;
}

static bool is(const char *wanted, const char *name)
{
    return name && !strcmp(wanted, name);
}

static bool fits(const struct rule *rule, const struct deed *deed)
{
    if (rule->store && !is(rule->store, deed->store) && !is(rule->store, deed->bucket) &&
        !is(rule->store, deed->root))
        return false;
    if (rule->op && strcmp(rule->op, deed->op))
        return false;
    if (rule->part && rule->part != deed->part)
        return false;
    return !rule->key || (deed->key && glob_match(rule->key, deed->key));
}

const struct rule *rules_meet(struct rules *rules, const struct deed *deed)
{
    for (int i = 0; i < rules->n; i++) {
        struct rule *rule = &rules->item[i];
        if (!rule->times || !fits(rule, deed))
            continue;
        if (rule->skip > 0) {
            rule->skip--;
            continue;
        }
        rule->times -= rule->times > 0;
        return rule;
    }
    return NULL;
}

void rules_free(struct rules *rules)
{
    for (int i = 0; i < rules->n; i++) {
        free(rules->item[i].store);
        free(rules->item[i].op);
        free(rules->item[i].key);
    }
    free(rules->item);
    *rules = (struct rules){0};
}
