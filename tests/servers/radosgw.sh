#!/bin/sh
# Ceph's radosgw as a real S3 server on 127.0.0.1: one monitor, one store, one gateway, no manager.
#   radosgw.sh start [STATE] | stop STATE          STATE/env then says endpoint, keys and pids
# Environment: STORE=memstore|bluestore  STORE_GB=8  MINPART=5242880  RGW_EXTRA='rgw option = value'
set -eu
. "$(dirname "$0")/common.sh"

N_PORTS=14
access_key=HAULTESTKEY000000001
secret_key=haul+test/secret+key+of+forty+characters

keys() {
    ceph-authtool "$STATE/keyring" --create-keyring --gen-key -n mon. --cap mon 'allow *'
    for name in client.admin client.rgw osd.0; do
        ceph-authtool "$STATE/keyring" --gen-key -n $name --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
    done
}

# The paxos intervals are what makes a cluster of one come up in a second instead of twelve.
write_conf() {
    cat >"$CEPH_CONF" <<CONF
[global]
fsid = 6d1f2c1e-4a83-4c51-9d0b-0f6a51c0ffee
mon host = [v2:127.0.0.1:$1/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = $STATE/keyring
run dir = $STATE/run
admin socket = $STATE/run/\$name.asok
pid file = $STATE/run/\$name.pid
log file = $STATE/log/\$name
crash dir = $STATE/run
mon warn on insecure global id reclaim allowed = false
mon allow pool size one = true
mon max pg per osd = 2000
paxos propose interval = 0.02
paxos min wait = 0.01
ms bind msgr1 = false
ms bind port min = $(($1 + 2))
ms bind port max = $(($1 + 13))
ms crc data = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[mon.a]
mon data = $STATE/mon
mon cluster log file = $STATE/log/cluster
[osd.0]
osd data = $STATE/osd
osd objectstore = ${STORE:-memstore}
osd max object name len = 2048
osd op num shards = 2
osd op num threads per shard = 1
memstore device bytes = $((${STORE_GB:-8} << 30))
bluestore block size = $((${STORE_GB:-8} << 30))
[client.rgw]
rgw data = $STATE/rgw
rgw frontends = beast endpoint=127.0.0.1:$(($1 + 1)) tcp_nodelay=1
rgw thread pool size = 64
rgw dns name = localhost
rgw enable usage log = false
rgw enable ops log = false
rgw dynamic resharding = false
rgw enable quota threads = false
rgw run sync thread = false
rgw gc obj min wait = 5
rgw gc processor period = 5
rgw multipart min part size = ${MINPART:-5242880}
${RGW_EXTRA:-}
CONF
}

configure() {
    export CEPH_CONF="$STATE/ceph.conf"
    mkdir -p "$STATE/mon" "$STATE/osd" "$STATE/rgw" "$STATE/run"
    cd "$STATE"
    write_conf "$1"
    osd_uuid=$(python3 -c 'import uuid; print(uuid.uuid4())')
    {
        keys
        monmaptool --create --clobber --fsid 6d1f2c1e-4a83-4c51-9d0b-0f6a51c0ffee \
            --addv a "[v2:127.0.0.1:$1/0]" "$STATE/monmap"
        ceph-mon -i a --mkfs --monmap "$STATE/monmap" --keyring "$STATE/keyring"
    } >"$STATE/log/setup" 2>&1 || return 1
    launch mon ceph-mon -i a -f
    {
        timeout 60 ceph osd new "$osd_uuid" 0
        ceph-osd -i 0 --mkfs --osd-uuid "$osd_uuid"
    } >>"$STATE/log/setup" 2>&1 || return 1
    launch osd ceph-osd -i 0 -f
    timeout 60 ceph osd crush add osd.0 1.0 root=default host=local >>"$STATE/log/setup" 2>&1 || return 1
    launch rgw radosgw -n client.rgw -f
    timeout 60 radosgw-admin --admin-socket '' -n client.rgw user create --uid=test --display-name=test \
        --access-key="$access_key" --secret-key="$secret_key" >"$STATE/log/user" 2>&1 || return 1
    cat >"$STATE/env" <<ENV
NAME=radosgw
ENDPOINT=http://127.0.0.1:$(($1 + 1))
AWS_ACCESS_KEY_ID=$access_key
AWS_SECRET_ACCESS_KEY=$secret_key
AWS_DEFAULT_REGION=us-east-1
AWS_REGION=us-east-1
ENV
}

ready() { python3 "$here/s3.py" --env "$STATE/env" mb ready; }

main "$@"
