#!/bin/sh
# A Slurm cluster of this one machine: munged, slurmctld and slurmd on 127.0.0.1, everything they keep below
# STATE.  Runs as root or not; the jobs are of whoever starts it.
#   slurm.sh start [STATE] | stop STATE     STATE/env: SLURM_CONF, for sbatch and its like
# Neither control groups nor accounting are needed.
set -eu
. "$(dirname "$0")/common.sh"
PATH=$PATH:/usr/sbin:/sbin

N_PORTS=2

# The controller asks that its host be named as the machine is; it is reached by 127.0.0.1 all the same.
# cred_expire is also how long a job that was put back into the queue has to wait.
configure() {
    host=$(hostname -s)
    user=$(id -un)
    mkdir -p "$STATE/munge" "$STATE/spool" "$STATE/state"
    (umask 077 && head -c 1024 /dev/urandom >"$STATE/munge/key")
    cat >"$STATE/slurm.conf" <<CONF
ClusterName=haul
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$1
SlurmdPort=$(($1 + 1))
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$STATE/munge/socket,cred_expire=5
StateSaveLocation=$STATE/state
SlurmdSpoolDir=$STATE/spool
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmdPidFile=$STATE/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=4096
PartitionName=all Nodes=$host Default=YES MaxTime=UNLIMITED
CONF
    export SLURM_CONF="$STATE/slurm.conf"
    echo "SLURM_CONF=$SLURM_CONF" >"$STATE/env"
    munge=$STATE/munge
    launch munged munged --foreground --force --key-file="$munge/key" --socket="$munge/socket" \
        --pid-file="$munge/pid" --seed-file="$munge/seed" --log-file="$munge/log"
    until_ready munge -n -S "$munge/socket" || return 1
    launch slurmctld slurmctld -D -i -f "$SLURM_CONF"
    launch slurmd slurmd -D -f "$SLURM_CONF" -N "$host"
}

ready() { [ "$(sinfo -h -o %T)" = idle ]; }

no_jobs() { [ -z "$(squeue -h -o %i)" ]; }

# Jobs are in process groups of their own: they go before what started them.
if [ "${1:-}" = stop ] && [ -e "${2:-}/pids" ]; then
    STATE=$2
    export SLURM_CONF="$STATE/slurm.conf"
    no_jobs || scancel -u "$(id -un)" || true
    until_ready no_jobs || say "jobs were left running"
fi
main "$@"
