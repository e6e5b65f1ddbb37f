#!/bin/sh
# OpenStack Swift with its s3api as a second real S3 server on 127.0.0.1, one node, one replica.
#   swift.sh start [STATE] | stop STATE            STATE/env then says endpoint, keys and pids
# Environment: MINPART=5242880.  The state directory must be on a filesystem with extended attributes.
set -eu
. "$(dirname "$0")/common.sh"

N_PORTS=5

# server NAME PORT: the configuration of one of the three storage servers.
server() {
    cat >"$STATE/etc/$1-server.conf" <<CONF
[DEFAULT]
bind_port = $2
$common
[pipeline:main]
pipeline = $1-server
[app:$1-server]
use = egg:swift#$1
${3:-}
CONF
}

proxy() {
    cat >"$STATE/etc/proxy-server.conf" <<CONF
[DEFAULT]
bind_port = $1
client_timeout = 60
$common
[pipeline:main]
pipeline = catch_errors gatekeeper cache bulk s3api tempauth copy slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$2
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
storage_domain = localhost
min_segment_size = ${MINPART:-5242880}
max_upload_part_num = 10000
max_bucket_listing = 1000
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 33554432
rate_limit_after_segment = 10000
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
object_chunk_size = 1048576
client_chunk_size = 1048576
CONF
}

# One Python process builds the three rings, each of one device.
rings() {
    cd "$STATE/etc"
    /usr/bin/python3 - "$@" <<'PY'
import sys
from swift.common.ring import RingBuilder
for name, port in zip(("account", "container", "object"), map(int, sys.argv[1:])):
    ring = RingBuilder(4, 1, 0)
    ring.add_dev(dict(id=0, region=1, zone=1, ip="127.0.0.1", port=port, replication_ip="127.0.0.1",
                      replication_port=port, device="disk", weight=1.0, meta=""))
    ring.rebalance()
    ring.get_ring().save(name + ".ring.gz")
PY
}

configure() {
    mkdir -p "$STATE/etc" "$STATE/devices/disk" "$STATE/cache"
    printf '[swift-hash]\nswift_hash_path_suffix = s\nswift_hash_path_prefix = p\n[storage-policy:0]\nname = one\ndefault = yes\n' >"$STATE/etc/swift.conf"
    common="bind_ip = 127.0.0.1
user = $(id -un)
swift_dir = $STATE/etc
devices = $STATE/devices
mount_check = false
workers = 0
log_level = WARNING
log_address = $STATE/log/none
fallocate_reserve = 0
recon_cache_path = $STATE/cache"
    server account $(($1 + 1))
    server container $(($1 + 2))
    server object $(($1 + 3)) "disk_chunk_size = 1048576
network_chunk_size = 1048576
mb_per_sync = 0"
    proxy "$1" $(($1 + 4))
    rings $(($1 + 1)) $(($1 + 2)) $(($1 + 3)) >"$STATE/log/rings" 2>&1 || return 1
    launch memcached memcached -l 127.0.0.1 -p $(($1 + 4)) -U 0 -m 64 -u "$(id -un)"
    for name in account container object proxy; do
        launch $name swift-$name-server "$STATE/etc/$name-server.conf"
    done
    cat >"$STATE/env" <<ENV
NAME=swift
ENDPOINT=http://127.0.0.1:$1
AWS_ACCESS_KEY_ID=test:tester
AWS_SECRET_ACCESS_KEY=testing
AWS_DEFAULT_REGION=us-east-1
AWS_REGION=us-east-1
ENV
}

ready() { python3 "$here/s3.py" --env "$STATE/env" mb ready; }

main "$@"
