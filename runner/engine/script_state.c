#include "engine/script_state.h"
#include "base/log.h"
#include <stdlib.h>

static bool failed(const struct run_config *config, const struct err *err)
{
    log_error("%s: job.state: %s", config->job->name, err->message);
    return false;
}

bool script_state_load(const struct run_config *config)
{
    const struct hooks *hooks = &config->hooks;
    struct err err = {0};

    if (!hooks->remember)
        return true;
    char *text = journal_state_get(config->journal, &err);
    bool ok = err.kind == ERR_NONE && hooks->remember(hooks->ctx, text, &err);
    free(text);
    return ok || failed(config, &err);
}

bool script_state_save(const struct run_config *config, bool last)
{
    const struct hooks *hooks = &config->hooks;
    struct err err = {0};

    if (!hooks->recall)
        return true;
    char *text = hooks->recall(hooks->ctx, last, &err);
    if (text)
        journal_state_put(config->journal, text, &err);
    free(text);
    return err.kind == ERR_NONE || failed(config, &err);
}
