#!/bin/sh
# Shares one job file out over a Slurm job array: each element takes its own part of the keys.
#   sbatch --array=1-16 array_job.sh migrate.lua bucket=photos target=archive
#   haul status migrate.lua bucket=photos target=archive        all elements added up
# However many there are: which element takes a key follows from the key and their number, so no two
# elements ever send the same object and none is left out.  Once started, keep the number of elements.
#
# Each element has a journal of its own in $XDG_STATE_HOME/haul/NAME/shard-K-of-N: let that be on a file
# system that all nodes see (a home directory mostly is), for an element may go on on another node.
#
#SBATCH --job-name=haul
#SBATCH --array=1-8
#SBATCH --cpus-per-task=1
#SBATCH --mem=512M
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=haul-%A_%a.log
set -u
[ $# -gt 0 ] || { echo "usage: sbatch --array=1-N array_job.sh JOB [name=value ...]" >&2; exit 2; }

# Half an hour before Slurm ends it, so that what is in flight can be finished or put away in peace.
: "${HAUL_MAX_DURATION:=690m}"
export HAUL_MAX_DURATION

haul run "$@" --shard auto
status=$?

# 10: the time is over.  Into the queue again; there the same element carries on from its journal.
[ $status != 10 ] || scontrol requeue "$SLURM_JOB_ID"
exit $status
