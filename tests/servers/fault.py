#!/usr/bin/env python3
"""An object store that misbehaves on request: S3, OSS, TOS or plain files over HTTP/1.1 on 127.0.0.1.

    fault.py start STATE [options]        runs in the background; STATE/env says where and with which keys
    fault.py stop STATE
    fault.py run STATE [options]          the same in the foreground
    fault.py --check-vectors FILE         holds the verifier of signatures against known answers

Objects live in memory.  Every signature is verified.  Misbehaviour is arranged over a second port,
CONTROL in STATE/env: see faultlib/control.py, faultlib/rules.py and faultlib/faults.py.
Standard library only.
"""
import argparse
import os
import signal
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

from faultlib import control, dialect, rules, service, tls, vectors, web, wire  # noqa: E402


def options_of(args):
    parser = argparse.ArgumentParser(prog="fault.py")
    parser.add_argument("state")
    parser.add_argument("--dialect", choices=sorted([*dialect.DIALECTS, "web"]), default="s3")
    parser.add_argument("--bucket", action="append", help="made at the start (test); may be repeated")
    parser.add_argument("--region")
    parser.add_argument("--min-part", type=int, help="bytes; the provider's own by default")
    parser.add_argument("--max-copy", type=int, default=5 << 30, help="bytes of a copy in one request")
    parser.add_argument("--authorization", action="store_true", help="web: requests may have one")
    parser.add_argument("--page", type=int, help="at most so many entries in a page of any listing")
    parser.add_argument("--no-checksums", dest="checksums", action="store_false", help="S3: ignore x-amz-checksum-*")
    parser.add_argument("--rates", action="store_true", help="count bytes per 10 ms, with small socket buffers")
    parser.add_argument("--tls", choices=tls.KINDS)
    given = parser.parse_args(args)
    given.bucket = given.bucket or ["test"]
    return given


ENVIRONMENT = {"s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
               "oss": ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_REGION"),
               "tos": ("TOS_ACCESS_KEY", "TOS_SECRET_KEY", "TOS_REGION"), "web": ("NO_KEY", "NO_SECRET", "NO_REGION")}


def write_env(options, server, control_port):
    keys = server.service.credentials[0]
    names = ENVIRONMENT[options.dialect]
    lines = {"NAME": "fault-" + options.dialect, "ENDPOINT": f"{server.scheme}://127.0.0.1:{server.port}",
             "CONTROL": f"http://127.0.0.1:{control_port}", names[0]: keys["access_key"],
             names[1]: keys["secret_key"], names[2]: server.service.region, "BUCKET": options.bucket[0]}
    if options.tls:
        lines["CA_FILE"] = os.path.join(options.state, "ca.pem")
    with open(os.path.join(options.state, "env"), "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in lines.items())


def prepare(args):
    """Everything up to listening; nothing runs yet."""
    options = options_of(args)
    options.state = os.path.abspath(options.state)
    os.makedirs(options.state, exist_ok=True)
    context = None
    if options.tls:
        tls.make(options.state, options.tls)
        context = tls.context(options.state, options.tls)
    behind = web.Service(web.Web(), options) if options.dialect == "web" else \
        service.Service(dialect.DIALECTS[options.dialect], options)
    server = wire.Server(behind, rules.Rules(), options, context)
    server.listen()
    controller = control.listen(server)
    write_env(options, server, controller.server_address[1])
    return options, server, controller


def watch_owner():
    """Ends this process when the one named in OWNER is gone."""
    owner = os.environ.get("OWNER")
    while owner and os.path.exists(f"/proc/{owner}"):
        time.sleep(0.5)
    if owner:
        os._exit(0)


def run(server, controller):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    threading.Thread(target=watch_owner, daemon=True).start()
    server.start()
    controller.serve_forever()


def start(args):
    options, server, controller = prepare(args)
    pid = os.fork()
    if pid:
        with open(os.path.join(options.state, "pids"), "w", encoding="utf-8") as file:
            file.write(f"{pid}\n")
        print(options.state)
        return
    os.setsid()
    os.chdir("/")
    output = os.open(os.path.join(options.state, "output"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    run(server, controller)


def stop(state):
    path = os.path.join(state, "pids")
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        pid = int(file.read())
    for each in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(40):
            try:
                os.kill(pid, each)
            except ProcessLookupError:
                os.unlink(path)
                return
            time.sleep(0.025)


def main(args):
    if args[:1] == ["--check-vectors"] and len(args) == 2:
        return 1 if vectors.check(args[1]) else 0
    if args[:1] == ["start"]:
        start(args[1:] or [tempfile.mkdtemp()])
    elif args[:1] == ["run"]:
        _, server, controller = prepare(args[1:])
        run(server, controller)
    elif args[:1] == ["stop"] and len(args) == 2:
        stop(args[1])
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
