# Shared by the server scripts, which source it: free ports, process groups, waiting, stopping.
# A server's state is one directory; STATE/env says where it listens, STATE/pids what to end.

here=$(cd "$(dirname "$0")" && pwd)

say() { echo "$(basename "$0" .sh): $*" >&2; }

# free_ports N: prints the first of N successive ports of 127.0.0.1 that are free now.
free_ports() {
    python3 - "$1" <<'PY'
import random, socket, sys
count = int(sys.argv[1])
for _ in range(200):
    base = random.randrange(20000, 32000 - count)
    held = []
    try:
        for port in range(base, base + count):
            held.append(socket.socket())
            held[-1].bind(("127.0.0.1", port))
        print(base)
        sys.exit(0)
    except OSError:
        pass
    finally:
        for each in held:
            each.close()
sys.exit("no free ports")
PY
}

# launch NAME COMMAND...: runs a daemon in a process group of its own, its output in STATE/log/NAME.
launch() {
    name=$1
    shift
    setsid "$@" >"$STATE/log/$name" 2>&1 </dev/null &
    echo $! >>"$STATE/pids"
}

# alive: do all daemons still run?
alive() {
    for pid in $(cat "$STATE/pids"); do kill -0 "$pid" 2>/dev/null || return 1; done
}

# until_ready COMMAND...: repeats it until it succeeds; fails after 60 s or when a daemon ended.
until_ready() {
    deadline=$(($(date +%s) + 60))
    until "$@" >"$STATE/log/ready" 2>&1; do
        alive || return 1
        [ "$(date +%s)" -lt $deadline ] || return 1
        sleep 0.05
    done
}

# watch_owner: ends the servers when the process named in OWNER is gone, however it went.
watch_owner() {
    [ -n "${OWNER:-}" ] || return 0
    setsid sh -c 'while kill -0 "$1" 2>/dev/null && [ -e "$2/pids" ]; do sleep 1; done
        [ ! -e "$2/pids" ] || exec sh "$3" stop "$2"' sh "$OWNER" "$STATE" "$here/$(basename "$0")" >/dev/null 2>&1 </dev/null &
}

groups_left() {
    for pid in $1; do ! kill -0 "-$pid" 2>/dev/null || return 0; done
    return 1
}

# end_all STATE: ends the process groups, politely for two seconds, and waits until they are gone.
end_all() {
    [ -e "$1/pids" ] || return 0
    pids=$(cat "$1/pids")
    for signal in TERM KILL; do
        for pid in $pids; do kill -$signal "-$pid" 2>/dev/null || true; done
        tries=0
        while groups_left "$pids" && [ $tries -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
        groups_left "$pids" || break
    done
    rm -f "$1/pids"
}

show_logs() {
    for log in "$STATE"/log/*; do
        [ -s "$log" ] || continue
        echo "--- ${log##*/}" >&2
        tail -5 "$log" >&2
    done
}

# main COMMAND [STATE]: `start` needs the functions `configure PORT` and `ready`, and N_PORTS.
main() {
    case ${1:-} in
    start)
        STATE=${2:-$(mktemp -d)}
        mkdir -p "$STATE"
        STATE=$(cd "$STATE" && pwd)
        for try in 1 2 3; do
            rm -rf "${STATE:?}"/*
            mkdir -p "$STATE/log"
            : >"$STATE/pids"
            if configure "$(free_ports $N_PORTS)" && until_ready ready; then
                echo "PIDS=\"$(tr '\n' ' ' <"$STATE/pids")\"" >>"$STATE/env"
                watch_owner
                echo "$STATE"
                exit 0
            fi
            end_all "$STATE"
            grep -qis 'address already in use' -r "$STATE/log" || break
        done
        say "did not come up"
        show_logs
        exit 1 ;;
    stop)
        [ -n "${2:-}" ] || { say "stop which state directory?"; exit 2; }
        end_all "$2" ;;
    *)
        echo "usage: $(basename "$0") start [STATE] | stop STATE" >&2
        exit 2 ;;
    esac
}
