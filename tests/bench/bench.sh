#!/bin/sh
# Measures haul beside raw loops and other tools on this machine, in interleaved rounds, and says which
# goals are met (report.lua).  Environment:
#   BENCH_ROUNDS=5           rounds of the sections that have rounds
#   BENCH_ONLY="large tls"   only these of: large tls upload upload-tls small hooks memory listing sync rate
#   TMPDIR                   where new files are written: 2 GiB, and 4 GiB if /dev/shm is small
set -eu
cd "$(dirname "$0")/../.."

rounds=${BENCH_ROUNDS:-5}
only=${BENCH_ONLY:-large tls upload upload-tls small hooks memory listing sync rate}
GIB=1073741824
N_SMALL=10000
tools=build/release/bench
work=$(mktemp -d "${TMPDIR:-/tmp}/haul-bench-XXXXXX")
shm=$work/server
pace_pid=
samples=$work/samples
PATH=$PATH:/usr/sbin:/sbin

# Where the server's files and the copies in memory are: tmpfs if it has room.
room=$(df -k --output=avail /dev/shm 2>/dev/null | tail -1 || echo 0)
[ "${room:-0}" -lt 4000000 ] || shm=$(mktemp -d /dev/shm/haul-bench-XXXXXX)
mkdir -p "$shm"

finish() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$pace_pid" ] || kill "$pace_pid" 2>/dev/null || true
    [ ! -e "$shm/nginx/pids" ] || sh tests/servers/nginx.sh stop "$shm/nginx" || true
    rm -rf "$work" "$shm"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

has() { command -v "$1" >/dev/null 2>&1; }
wanted() { case " $only " in *" $1 "*) ;; *) return 1 ;; esac; }
say() { printf '%s\n' "$*" >&2; }

# Keys that nginx does not look at: requests are signed all the same.
AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY || true

# --- samples -----------------------------------------------------------------------------------------

# take SECTION ROW UNITS COMMAND...: measures it once.  UNITS: bytes or objects it moves.
take() {
    section=$1 row=$2 units=$3
    shift 3
    result=$($tools/measure -l "$work/log" -g "${group:-0}" -g "${pace_pid:-0}" -- "$@")
    echo "$section $round $row $units $result" >>"$samples"
    case $result in
    *' 0') ;;
    *) say "  $section/$row failed: $(tail -2 "$work/log" | tr '\n' ' ')" ;;
    esac
}

# run_haul SECTION ROW UNITS PARAMETER...
run_haul() {
    rm -rf "$work/state"
    s=$1 r=$2 u=$3
    shift 3
    take "$s" "$r" "$u" $haul run tests/bench/job.lua "$@" --state "$work/state" --progress none -q
}

# A new, empty directory for what is downloaded.
fresh() {
    rm -rf "$work/new" "$shm/new"
    mkdir "$work/new" "$shm/new"
}

# --- the server --------------------------------------------------------------------------------------

listing_head='<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><EncodingType>url</EncodingType>'
listing_end='<IsTruncated>false</IsTruncated></ListBucketResult>'

# A listing as a file: nginx answers it for the bucket's own address, whatever is asked.
list_small() {
    etag=$(printf '&quot;%x-%x&quot;' 1767225600 4096)
    printf '%s' "$listing_head"
    (cd "$data/small" && ls) | awk -v etag="$etag" '{ printf "<Contents><Key>%s</Key><LastModified>" \
        "2026-01-01T00:00:00.000Z</LastModified><ETag>%s</ETag><Size>4096</Size></Contents>", $1, etag }'
    printf '%s' "$listing_end"
}

start_nginx() {
    OWNER=$$ sh tests/servers/nginx.sh start "$shm/nginx" >/dev/null
    group=$(cat "$shm/nginx/pids")
    value() { sed -n "s/^$1=//p" "$shm/nginx/env"; }
    http=$(value ENDPOINT) https=$(value TLS_ENDPOINT) ca=$(value CA_FILE) data=$(value DATA)
    port=${http##*:} tls_port=${https##*:}
    mkdir -p "$data/large" "$data/small" "$data/piece" "$data/upload"
    openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c $GIB >"$data/large/one"
    head -c $((GIB / 8)) "$data/large/one" >"$data/piece/eighth"
    ln "$data/large/one" "$data/upload/one" # what a HEAD finds after an upload
    printf '%s%s' "$listing_head" "$listing_end" | tee "$data/large/index.html" >"$data/upload/index.html"
    if wanted small || wanted hooks; then
        $tools/raw files "$data/small" $N_SMALL 4096 1
        touch -d @1767225600 "$data/small/"*
        list_small >"$work/index.html"
        mv "$work/index.html" "$data/small/index.html"
    fi
}

# --- sections with rounds ----------------------------------------------------------------------------

# curl_ranges URL: eight ranges of the large object into eight files.
curl_ranges() {
    for i in 0 1 2 3 4 5 6 7; do
        [ $i = 0 ] || echo next
        printf 'url = "%s/large/one"\nrange = "%d-%d"\noutput = "%s/new/%d"\ncacert = "%s"\nsilent\n' "$1" \
            $((GIB / 8 * i)) $((GIB / 8 * (i + 1) - 1)) "$work" $i "$ca"
    done >"$work/curl.conf"
}

curl_puts() {
    for i in 0 1 2 3 4 5 6 7; do
        [ $i = 0 ] || echo next
        printf 'url = "%s/upload/one?partNumber=%d&uploadId=curl"\nupload-file = "%s/piece/eighth"\ncacert = "%s"\nsilent\noutput = "/dev/null"\n' \
            "$1" $i "$data" "$ca"
    done >"$work/curl.conf"
}

# download SECTION URL PORT RAW
download() {
    fresh; take "$1" raw $GIB $tools/raw "$4" "$3" /large/one $GIB "$work/new/one"
    [ "$1" = tls ] || { fresh; take "$1" splice $GIB $tools/raw splice "$3" /large/one $GIB "$work/new/one"; }
    fresh; run_haul "$1" haul $GIB endpoint="$2" ca="$ca" bucket=large key=one dir="$work/new"
    fresh; run_haul "$1" haul-nosync $GIB endpoint="$2" ca="$ca" bucket=large key=one dir="$work/new" durability=none
    fresh; curl_ranges "$2"; take "$1" curl $GIB curl -Z --parallel-max 8 -K "$work/curl.conf"
    ! has rclone || { fresh; take "$1" rclone $GIB env RCLONE_CONFIG=/dev/null rclone copyto --ca-cert "$ca" \
        --multi-thread-streams 8 --multi-thread-cutoff 1M ":http,url='$2/large/':one" "$work/new/one"; }
    ! has aria2c || { fresh; take "$1" aria2 $GIB aria2c -q -x8 -s8 -k1M --file-allocation=falloc \
        --ca-certificate="$ca" -d "$work/new" -o one "$2/large/one"; }
    [ "$1" = tls ] || ! has aws || [ "$round" -gt 3 ] || { fresh; take "$1" aws $GIB aws s3 cp --quiet \
        --endpoint-url "$2" --region us-east-1 s3://large/one "$work/new/one"; }
}

# upload SECTION URL PORT RAW
upload() {
    fresh; take "$1" raw $GIB $tools/raw "$4" "$3" /upload/one $GIB "$data/large/one"
    [ "$1" = upload-tls ] || { fresh; take "$1" sendfile $GIB $tools/raw sendfile "$3" /upload/one $GIB "$data/large/one"; }
    fresh; run_haul "$1" haul $GIB endpoint="$2" ca="$ca" bucket=upload key=one dir="$data/large" direction=up checksum=none
    [ "$1" = upload-tls ] || { fresh; run_haul "$1" haul-crc32c $GIB endpoint="$2" ca="$ca" bucket=upload key=one \
        dir="$data/large" direction=up checksum=crc32c; }
    fresh; curl_puts "$2"; take "$1" curl $GIB curl -Z --parallel-max 8 -K "$work/curl.conf"
    [ "$1" = upload-tls ] || ! has aws || [ "$round" -gt 3 ] || { fresh; take "$1" aws $GIB aws s3 cp --quiet \
        --endpoint-url "$2" --region us-east-1 "$data/large/one" s3://upload/one; }
}

curl_small() {
    (cd "$data/small" && ls) | awk -v url="$http" -v to="$shm/new/curl" '/^[0-9]/ {
        printf "url = \"%s/small/%s\"\noutput = \"%s/%s\"\n", url, $1, to, $1 }' >"$work/curl.conf"
    echo silent >>"$work/curl.conf"
}

# ext4 looks long for an inode while many were freed in the last five seconds: new directories, and
# nothing is removed in between.
small() {
    fresh
    sleep 6
    set -- endpoint="$http" bucket=small parts=64
    mkdir "$work/new/bare" "$work/new/haul" "$shm/new/bare" "$shm/new/haul" "$shm/new/hook" "$shm/new/curl"
    take small bare-disk $N_SMALL $tools/raw files "$work/new/bare" $N_SMALL 4096 2
    run_haul small haul-disk $N_SMALL "$@" dir="$work/new/haul"
    take small bare-memory $N_SMALL $tools/raw files "$shm/new/bare" $N_SMALL 4096 2
    run_haul small haul-memory $N_SMALL "$@" dir="$shm/new/haul"
    run_haul small haul-hook $N_SMALL "$@" dir="$shm/new/hook" hook=object
    curl_small
    take small curl-memory $N_SMALL curl -Z --parallel-max 64 -K "$work/curl.conf"
}

# hooks_pair SECTION ROW UNITS PARAMETER...: without a hook and with one; which goes first changes from round to round.
hooks_pair() {
    pair=$1 with=$2 units=$3
    shift 3
    for row in $([ $((round % 2)) = 1 ] && echo "none $with" || echo "$with none"); do
        fresh
        if [ "$row" = none ]; then hook=; else hook=$row; fi
        run_haul "$pair" "$row" "$units" "$@" dir="$shm/new" hook="$hook" durability=none
    done
}

hooks() {
    hooks_pair hooks-objects object $N_SMALL endpoint="$http" bucket=small parts=64
    hooks_pair hooks-parts part $GIB endpoint="$http" bucket=large key=one
}

# The first touch of memory is dear on a virtual machine: it is made to own some before each section.
warm() { wanted "$1" && $tools/raw touch 2500; }

one_round() {
    ! warm large || download large "$http" "$port" get
    ! warm tls || download tls "$https" "$tls_port" tls-get
    ! warm upload || upload upload "$http" "$port" put
    ! warm upload-tls || upload upload-tls "$https" "$tls_port" tls-put
    ! warm small || small
    ! warm hooks || hooks
}

# --- sections without --------------------------------------------------------------------------------

# start_pace ARGUMENT...: sets pace_url.
start_pace() {
    rm -f "$work/pace"
    $tools/pace "$@" >"$work/pace" &
    pace_pid=$!
    until [ -s "$work/pace" ]; do sleep 0.02; done
    pace_url=http://127.0.0.1:$(head -1 "$work/pace")
}

stop_pace() {
    kill "$pace_pid" 2>/dev/null || true
    wait "$pace_pid" 2>/dev/null || true
    pace_pid=
}

# Memory with 64 throttled parts over TLS, and with few and many objects; connections of the latter.
memory() {
    fresh; run_haul memory parts-64 $GIB endpoint="$https" ca="$ca" bucket=large key=one dir="$work/new" \
        parts=64 rate=200MiB/s
    for count in 10000 100000; do
        fresh
        start_pace serve $count 1
        run_haul memory objects-$count $count endpoint="$pace_url" bucket=many dir="$shm/new" parts=64
        stop_pace
        echo "memory $round served-$count $(tail -1 "$work/pace") 0 0 0 0 0" >>"$samples"
    done
}

listing() {
    fresh
    start_pace serve 300000 1
    rm -rf "$work/state"
    take listing plan 300000 $haul plan tests/bench/job.lua endpoint="$pace_url" bucket=many dir="$work/new" \
        --state "$work/state" --progress none -q
    stop_pace
}

# sync_run ROW UNITS PARAMETER...: and what the server was asked for meanwhile.
sync_run() {
    sync_row=$1 sync_units=$2
    shift 2
    take sync "$sync_row" "$sync_units" $haul run tests/bench/sync.lua endpoint="$pace_url" "$@" \
        --state "$work/state" --progress none -q
    told=$(wc -l <"$work/pace")
    kill -USR1 "$pace_pid"
    until [ "$(wc -l <"$work/pace")" -gt "$told" ]; do sleep 0.02; done
    set -- $(tail -1 "$work/pace")
    echo "sync $round served-$sync_row $1 $3 0 0 0 0 0 0" >>"$samples"
}

# A million entries that are the same on both sides: compared by size and time, then by what is
# remembered.  And 100,000 files of 1 KiB: sent, then the same.
syncs() {
    rm -rf "$work/state"
    start_pace serve 1000000 100
    sync_run million-first 1000000
    sync_run million-again 1000000
    stop_pace
    rm -rf "$work/state"
    mkdir "$shm/many"
    $tools/raw files "$shm/many" 100000 1024 1
    start_pace keep 100000 1024
    sync_run files-first 100000 dir="$shm/many"
    sync_run files-again 100000 dir="$shm/many"
    stop_pace
    rm -rf "$shm/many"
}

RATE=20971520

# rate_once down|up PARTS: ten seconds, counted by the server.
rate_once() {
    rm -f "$work/rate"
    fresh
    start_pace rate "$1" $RATE "$work/rate"
    from=$work/new
    [ "$1" = down ] || from=$work/upload
    rm -rf "$work/state"
    $haul run tests/bench/job.lua endpoint="$pace_url" bucket=rate key=large dir="$from" direction="$1" \
        parts="$2" rate=20MiB/s checksum=none --state "$work/state" --progress none -q >"$work/log" 2>&1 &
    haul_pid=$!
    tries=0
    until [ -s "$work/rate" ] || [ $tries -gt 200 ] || ! kill -0 $haul_pid 2>/dev/null; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -9 $haul_pid 2>/dev/null || true
    wait $haul_pid 2>/dev/null || true
    stop_pace
    [ -s "$work/rate" ] || { say "  rate/$1-$2 failed: $(tail -1 "$work/log")"; return 0; }
    echo "rate $round $1-$2 $RATE $(cat "$work/rate") 0 0 0" >>"$samples"
}

# What is uploaded is in memory before: the first touch of a page would show as a hole in the rate.
rates() {
    mkdir "$work/upload"
    truncate -s 1G "$work/upload/large"
    cat "$work/upload/large" >/dev/null
    for parts in 1 5 16 64; do
        rate_once down $parts
        rate_once up $parts
    done
}

# --- all of it ---------------------------------------------------------------------------------------

begun=$(date +%s)
: >"$samples"
haul=$work/haul # a copy: a build during the measuring changes nothing
cp build/release/haul "$haul"
start_nginx
say "server: $(nginx -v 2>&1), sendfile on, one worker; its files in $(df --output=fstype "$shm" | tail -1)," \
    "new files in $(df --output=fstype "$work" | tail -1)"
for tool in rclone aria2c aws; do has $tool || say "$tool: not installed"; done
round=1
case " $only " in *" large "* | *" tls "* | *" upload"* | *" small "* | *" hooks "*)
    while [ $round -le "$rounds" ]; do
        say "round $round of $rounds"
        one_round
        round=$((round + 1))
    done ;;
esac
round=1
! wanted memory || { say "memory"; memory; }
! wanted listing || { say "listing"; listing; }
! wanted sync || { say "sync: a million entries, and 100,000 files"; syncs; }
! wanted rate || { say "rate, from the server's side: 8 x 11 s"; rates; }
[ -z "${BENCH_KEEP:-}" ] || cp "$samples" "$BENCH_KEEP"
lua5.4 tests/bench/report.lua "$samples"
echo "in $(($(date +%s) - begun)) s"
