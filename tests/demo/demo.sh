#!/bin/sh
# demo.sh [s3|dir]: uploads a directory, is killed half-way, carries on, downloads, compares.
# Against a real S3 server on loopback, or with a directory in the store's place.
set -eu
cd "$(dirname "$0")/../.."

store=${1:-s3}
work=$(mktemp -d "${TMPDIR:-/tmp}/haul-demo-XXXXXX")
haul_pid=
viewer_pid=
begun=$(date +%s)

step() { printf '\n%s\n' "$*"; }
note() { printf '      %s\n' "$*"; }
mib() { lua5.4 -e "print(('%.1f'):format($1 / 1048576))"; }

finish() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$haul_pid" ] || kill -9 "$haul_pid" 2>/dev/null || true
    [ -z "$viewer_pid" ] || kill "$viewer_pid" 2>/dev/null || true
    [ ! -e "$work/server/pids" ] || sh tests/servers/radosgw.sh stop "$work/server" || true
    if [ $status != 0 ]; then
        [ ! -s "$work/log" ] || tail -20 "$work/log" >&2
        echo "the demo FAILED" >&2
    fi
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The keys go through the environment, never into an argument.
start_server() {
    step "A real S3 server (Ceph's radosgw) on loopback"
    note "\$ sh tests/servers/radosgw.sh start \$DEMO/server"
    OWNER=$$ sh tests/servers/radosgw.sh start "$work/server" >/dev/null
    python3 tests/servers/s3.py --env "$work/server/env" mb demo >/dev/null
    AWS_ACCESS_KEY_ID=$(sed -n 's/^AWS_ACCESS_KEY_ID=//p' "$work/server/env")
    AWS_SECRET_ACCESS_KEY=$(sed -n 's/^AWS_SECRET_ACCESS_KEY=//p' "$work/server/env")
    AWS_REGION=us-east-1
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
    endpoint=$(sed -n 's/^ENDPOINT=//p' "$work/server/env")
    place="store=s3 endpoint=$endpoint bucket=demo"
    note "listening on $endpoint; its keys are in the environment"
}

start_directory() {
    step "A directory in the place of a store"
    mkdir "$work/bucket"
    place="store=dir bucket=$work/bucket"
    note "$work/bucket"
}

make_files() {
    step "Files to move"
    note "\$ lua5.4 tests/demo/files.lua \$DEMO/source"
    mkdir -p "$work/source/small" "$work/source/films" "$work/target"
    lua5.4 tests/demo/files.lua "$work/source"
    total=$(find "$work/source" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
    note "$(find "$work/source" -type f | wc -l) files, $(mib "$total") MiB: 200 small ones and three of 24 to 64 MiB"
}

# begin EVENTS PARAMETER...: starts haul and shows its events as they come.
begin() {
    events=$1
    shift
    : >"$events"
    note "\$ ./haul run jobs/demo.lua $* --events $events"
    ./haul run jobs/demo.lua "$@" --events "$events" --state "$work/state-$direction" --progress none \
        >"$work/log" 2>&1 </dev/null &
    haul_pid=$!
    tail -s 0.05 -n +1 -f --pid="$haul_pid" "$events" | lua5.4 tests/demo/tell.lua &
    viewer_pid=$!
}

# end: waits for haul and says how it ended.
end() {
    result=0
    wait "$haul_pid" 2>/dev/null || result=$?
    haul_pid=
    wait "$viewer_pid" || true
    viewer_pid=
}

upload() { begin "$1" direction=up $place "source=$work/source" rate=40MiB/s; }

parts_in() { grep -c '"part_succeeded"' "$1" || true; }

kill_half_way() {
    step "Upload in parts of 8 MiB, at 40 MiB/s, and pull the plug after eight of them"
    direction=up
    upload "$work/events-1"
    while [ "$(parts_in "$work/events-1")" -lt 8 ]; do
        kill -0 "$haul_pid" 2>/dev/null || { note "it ended before it could be killed"; exit 1; }
        sleep 0.02
    done
    note "\$ kill -KILL $haul_pid"
    kill -KILL "$haul_pid"
    end
    [ $result = 137 ] || { note "killed, but the exit status was $result"; exit 1; }
    first=$(lua5.4 tests/demo/tell.lua moved "$work/events-1")
    note "killed with $(mib "$first") of $(mib "$total") MiB uploaded"
}

carry_on() {
    step "The same command again: it sends what is missing"
    upload "$work/events-2"
    end
    [ $result = 0 ] || { note "exit status $result"; exit 1; }
    lua5.4 tests/demo/tell.lua summary "$work/events-2"
    resumed=$(lua5.4 tests/demo/tell.lua resumed "$work/events-2")
    second=$(lua5.4 tests/demo/tell.lua moved "$work/events-2")
    again=$((first + second - total))
    [ $again -ge 0 ] || again=0
    note "of the first run $(mib "$resumed") MiB were used; of what it had reported $(mib "$again") MiB were sent again,"
    note "besides what was in the middle of being sent (at most 8 parts)"
    [ "$resumed" -gt 0 ] || { note "nothing was resumed"; exit 1; }
}

download() {
    step "Everything back into another directory"
    direction=down
    begin "$work/events-3" direction=down $place "target=$work/target" rate=100MiB/s
    end
    [ $result = 0 ] || { note "exit status $result"; exit 1; }
    lua5.4 tests/demo/tell.lua summary "$work/events-3"
}

compare() {
    step "The same bytes?"
    note "\$ diff -r \$DEMO/source \$DEMO/target"
    diff -r "$work/source" "$work/target"
    note "no difference in $(find "$work/target" -type f | wc -l) files"
}

summarize() {
    step "In short"
    note "uploaded     $(mib "$total") MiB in parallel parts, killed after $(mib "$first") MiB"
    note "carried on   with $(mib "$resumed") MiB in place, $(mib "$again") MiB of finished parts sent twice"
    note "downloaded   and identical, in $(($(date +%s) - begun)) s altogether"
}

case $store in
s3) start_server ;;
dir) start_directory ;;
*) echo "usage: demo.sh [s3|dir]" >&2; exit 2 ;;
esac
make_files
kill_half_way
carry_on
download
compare
summarize
