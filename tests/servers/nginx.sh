#!/bin/sh
# nginx on 127.0.0.1 as the cheapest endpoint there is, for measuring: ranged GETs of STATE/data,
# PUTs into it, and multipart uploads whose parts are received into a file each, answered with 200 as a
# store does it (nginx by itself says 201) and forgotten.
#   nginx.sh start [STATE] | stop STATE     STATE/env: ENDPOINT, TLS_ENDPOINT and CA_FILE
# Environment: WORKERS=1  SENDFILE=on|off
set -eu
. "$(dirname "$0")/common.sh"

N_PORTS=2

certificate() {
    cd "$STATE/tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=haul test CA' \
        -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out csr.pem
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >san
    openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile san -out cert.pem
}

configure() {
    mkdir -p "$STATE/data" "$STATE/tmp" "$STATE/tls"
    certificate >"$STATE/log/tls" 2>&1 || return 1
    user=
    [ "$(id -u)" != 0 ] || user='user root;'
    cat >"$STATE/nginx.conf" <<CONF
daemon off;
pid $STATE/nginx.pid;
error_log $STATE/log/error warn;
worker_processes ${WORKERS:-1};
$user
events { worker_connections 1024; }
http {
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path $STATE/tmp/body;
    proxy_temp_path $STATE/tmp/proxy;
    fastcgi_temp_path $STATE/tmp/fastcgi;
    uwsgi_temp_path $STATE/tmp/uwsgi;
    scgi_temp_path $STATE/tmp/scgi;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    keepalive_requests 1000000;
    sendfile ${SENDFILE:-on};
    sendfile_max_chunk 1m;
    tcp_nopush on;
    output_buffers 2 512k;
    max_ranges 1;
    ssl_certificate $STATE/tls/cert.pem;
    ssl_certificate_key $STATE/tls/key.pem;
    ssl_session_cache shared:tls:1m;
    map \$arg_uploadId \$in_parts { default 1; "" 0; }
    server {
        listen 127.0.0.1:$1 backlog=1024;
        listen 127.0.0.1:$(($1 + 1)) ssl;
        root $STATE/data;
        location / {
            dav_methods PUT DELETE;
            create_full_put_path on;
            if (\$request_method = POST) { rewrite ^ /.post last; }
            if (\$in_parts) { rewrite ^ /.part/\$arg_uploadId.\$arg_partNumber last; }
        }
        location /.part/ {
            internal;
            proxy_pass_request_body off;
            proxy_method GET;
            proxy_set_header Content-Length "";
            proxy_pass http://127.0.0.1:$1/.stored?part=\$arg_partNumber;
        }
        location = /.stored {
            add_header ETag '"part-\$arg_part"';
            return 200;
        }
        location = /.post {
            internal;
            default_type application/xml;
            if (\$in_parts) {
                return 200 '<CompleteMultipartUploadResult><ETag>"never-joined"</ETag></CompleteMultipartUploadResult>';
            }
            return 200 '<InitiateMultipartUploadResult><UploadId>u\$request_id</UploadId></InitiateMultipartUploadResult>';
        }
    }
}
CONF
    launch nginx nginx -c "$STATE/nginx.conf" -e "$STATE/log/error"
    url=http://127.0.0.1:$1
    cat >"$STATE/env" <<ENV
NAME=nginx
ENDPOINT=$url
TLS_ENDPOINT=https://127.0.0.1:$(($1 + 1))
CA_FILE=$STATE/tls/ca.pem
DATA=$STATE/data
AWS_ACCESS_KEY_ID=any
AWS_SECRET_ACCESS_KEY=any
AWS_REGION=us-east-1
ENV
}

ready() { printf up | curl -sf -T - -o /dev/null "$url/ready"; }

main "$@"
