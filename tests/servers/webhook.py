#!/usr/bin/env python3
"""A server that scripts talk to: it notes every request and answers as its path says.

    webhook.py start STATE [--tls KIND]   runs in the background; STATE/env says where
    webhook.py stop STATE

Paths: /echo (the body back), /status/N, /large/BYTES, /redirect, /cut (half an answer), /hold (never answers),
/headers (many).  STATE/log has one line of JSON for each request.  Standard library only.
"""
import argparse
import http.server
import json
import os
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True

from faultlib import tls  # noqa: E402


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, body):
        line = {"method": self.command, "path": self.path, "body": body.decode("latin-1"),
                "headers": {name.lower(): value for name, value in self.headers.items()}}
        with self.server.lock, open(self.server.log, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hold(self):
        self.server.ending.wait()
        self.close_connection = True

    def cut(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.close_connection = True

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.note(body)
        word, _, rest = self.path.split("?")[0].strip("/").partition("/")
        if word == "status":
            self.answer(int(rest), b"as asked")
        elif word == "large":
            self.answer(200, b"x" * int(rest))
        elif word == "redirect":
            self.answer(302, b"", [("Location", "/echo")])
        elif word == "cut":
            self.cut()
        elif word == "hold":
            self.hold()
        elif word == "headers":
            self.answer(200, b"", [("X-One", "1"), ("x-two", "2"), ("X-One", "3")])
        else:
            self.answer(200, body, [("Content-Type", self.headers.get("Content-Type", "text/plain"))])

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = serve


def prepare(state, kind):
    os.makedirs(state, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.lock, server.ending = threading.Lock(), threading.Event()
    server.log = os.path.join(state, "log")
    scheme = "http"
    if kind:
        tls.make(state, kind)
        server.socket = tls.context(state, kind).wrap_socket(server.socket, server_side=True)
        scheme = "https"
    with open(os.path.join(state, "env"), "w", encoding="utf-8") as file:
        file.write(f"NAME=webhook\nENDPOINT={scheme}://127.0.0.1:{server.server_address[1]}\n")
        if kind:
            file.write(f"CA_FILE={os.path.join(state, 'ca.pem')}\n")
    return server


def watch_owner():
    """Ends this process when the one named in OWNER is gone."""
    owner = os.environ.get("OWNER")
    while owner and os.path.exists(f"/proc/{owner}"):
        time.sleep(0.5)
    if owner:
        os._exit(0)


def start(state, kind):
    state = os.path.abspath(state)
    server = prepare(state, kind)
    pid = os.fork()
    if pid:
        with open(os.path.join(state, "pids"), "w", encoding="utf-8") as file:
            file.write(f"{pid}\n")
        print(state)
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(nothing, target)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=watch_owner, daemon=True).start()
    server.serve_forever()


def stop(state):
    path = os.path.join(state, "pids")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGTERM)
        os.unlink(path)


def main():
    parser = argparse.ArgumentParser(prog="webhook.py")
    parser.add_argument("verb", choices=("start", "stop"))
    parser.add_argument("state")
    parser.add_argument("--tls", choices=tls.KINDS)
    given = parser.parse_args()
    if given.verb == "start":
        start(given.state, given.tls)
    else:
        stop(given.state)


if __name__ == "__main__":
    main()
