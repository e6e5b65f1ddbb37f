/* haul test: specs of job files, in worlds of their own. */
#include "commands/commands.h"
#include "script/tester.h"

int command_test(const struct options *options)
{
    return script_test(options->params, options->n_params);
}
