#pragma once
/* Which part of a job this run is to do: --shard K/N, or what a batch system says. */
#include "base/err.h"
#include "core/job.h"

/* "K/N", "auto" or "auto/N"; with auto, K comes from the environment of Slurm's job arrays,
 * Kubernetes' indexed jobs or AWS Batch's array jobs, and so does N where they name it.  False with
 * the reason. */
bool shard_parse(const char *text, struct shard *shard, struct err *err);
