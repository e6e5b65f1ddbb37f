"""Connections: HTTP/1.1 read and written by hand, so that every byte can be the wrong one."""
import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
import time
import uuid
from urllib.parse import unquote_plus

from . import faults
from .dialect import http_date, shown_text
from .service import Reply
from .signing import Refused

PIECE = 256 << 10
REASONS = {100: "Continue", 200: "OK", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
           304: "Not Modified", 307: "Temporary Redirect", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           409: "Conflict", 412: "Precondition Failed", 416: "Range Not Satisfiable", 429: "Too Many Requests",
           500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable"}


class Gone(Exception):
    """The connection is no more."""


class Request:
    """One request; the service fills in what it is about."""
    bucket, key, op, part, upload_id, payload_hash = "", b"", "other", None, None, None
    silent = unread = ignore_if_match = odd_etag = False
    instead, hidden_parts, read = None, frozenset(), 0
    kept, kept_code = staticmethod(lambda key: False), None    # delete_many: which keys are not deleted

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        if lines[0].count(" ") != 2:
            raise Gone
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            if name == "content-length" and name in self.headers:
                raise Refused(400, "InvalidRequest", "two lengths")
            value = value.encode("latin-1").decode("utf-8", "surrogateescape")
            self.headers[name] = f"{self.headers[name]},{value}" if name in self.headers else value
        self.path, _, query = self.target.partition("?")
        pairs = [piece.partition("=") for piece in query.split("&") if piece]
        self.query = [(decoded(k), decoded(v) if eq else None) for k, eq, v in pairs]
        length = self.headers.get("content-length", "0")
        self.length = int(length) if length.isdigit() else 0
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.body = bytearray()


def decoded(text):
    return unquote_plus(text, errors="surrogateescape")


class Conn:
    """A client's connection."""
    sent = 0    # of the body of the answer

    def __init__(self, server, sock, number):
        self.server, self.sock, self.number, self.pending, self.open = server, sock, number, b"", True

    def read_head(self):
        data = self.pending
        while b"\r\n\r\n" not in data:
            piece = self._recv(65536)
            if not piece or len(data) > 1 << 17:
                return None
            data += piece
        head, _, self.pending = data.partition(b"\r\n\r\n")
        return head

    def _recv(self, size):
        try:
            return self.sock.recv(size)
        except (OSError, ssl.SSLError):
            raise Gone from None

    def read_body(self, request, limit=None):
        """Reads up to `limit` bytes of the body, the whole of it without one."""
        wanted = request.length if limit is None else min(limit, request.length)
        body = bytearray(wanted)
        view, at = memoryview(body), min(len(self.pending), wanted)
        view[:at], self.pending = self.pending[:at], self.pending[at:]
        request.read = at
        while at < wanted:
            try:
                got = self.sock.recv_into(view[at:at + self.server.piece])
            except (OSError, ssl.SSLError):
                raise Gone from None
            if not got:
                raise Gone
            at += got
            request.read = at
            self.server.rates.count("in", got)
        view.release()
        request.body = body

    def _line(self):
        while b"\r\n" not in self.pending:
            piece = self._recv(65536)
            if not piece:
                raise Gone
            self.pending += piece
        line, _, self.pending = self.pending.partition(b"\r\n")
        return line

    def read_chunks(self, request):
        """A body in chunks, which some foreign clients send."""
        while size := int(self._line().split(b";")[0] or b"0", 16):
            while len(self.pending) < size + 2:
                piece = self._recv(65536)
                if not piece:
                    raise Gone
                self.pending += piece
            request.body += self.pending[:size]
            self.pending = self.pending[size + 2:]
        while self._line():
            pass
        request.read = len(request.body)

    def send(self, data):
        view = memoryview(data)
        for at in range(0, len(view), self.server.piece):
            piece = view[at:at + self.server.piece]
            while piece:
                try:
                    sent = self.sock.send(piece)
                except (OSError, ssl.SSLError):
                    raise Gone from None
                self.server.rates.count("out", sent)
                self.sent += sent
                piece = piece[sent:]

    def head(self, x, reply, length=0, extra=()):
        lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Status')}", f"Date: {http_date(time.time())}"]
        headers = x.service.dialect.ids(x.request_id) + reply.headers + list(extra)
        if length is not None and reply.status not in (204, 304):
            headers.append(("Content-Length", str(len(reply.body))))
        lines += [f"{name}: {value}" for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def send_head(self, x, reply, length=0, extra=()):
        self.send(self.head(x, reply, length, extra))
        self.sent = 0

    def drip(self, data, ms, whole=False):
        for piece in [data] if whole else [data[i:i + 1] for i in range(len(data))]:
            self.send(piece)
            if self.gone(ms):
                raise Gone

    def flood(self, piece):
        """Sends the same for as long as the client takes it, up to a limit that nobody should reach."""
        for _ in range((1 << 30) // len(piece)):
            self.send(piece)
        self.close()

    def gone(self, ms):
        """Has the client hung up?  Waits so many milliseconds for it."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(ms))

    def wait_gone(self):
        while not self.gone(200) and not self.server.stopping:
            pass
        raise Gone

    def drain(self):
        """Gives the other side time to read what was sent, so that a reset does not overtake it."""
        for _ in range(200):
            left = struct.unpack("i", fcntl.ioctl(self.sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
            if left == 0 or self.gone(5):
                return

    def reset(self):
        self.open = False
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        raise Gone

    def close(self):
        self.open = False
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.gone(2000)


class Exchange:
    """One request and its answer, as the faults see it."""

    def __init__(self, server, conn, request):
        self.server, self.conn, self.request, self.service = server, conn, request, server.service
        self.request_id, self.rule = uuid.uuid4().hex[:16].upper(), {}

    def point(self, length):
        """`after_bytes` of the rule: a number, "half" or "last"."""
        at = self.rule.get("after_bytes", "half")
        return {"half": length // 2, "last": max(0, length - 1)}.get(at, at) if isinstance(at, str) else min(at, length)

    def refused(self, refusal):
        body = self.service.dialect.error(refusal, self.request_id, self.request.path)
        headers = [("Content-Type", self.service.dialect.media)] + self.service.dialect.error_headers(refusal, body)
        return Reply(refusal.status, headers, b"" if refusal.status == 304 else body)

    def answer(self):
        """The reply, or None when the connection was dealt with."""
        name = self.rule.get("with")
        try:
            if name in faults.EARLY and faults.EARLY[name](self):
                return None
            self.service.verify(self.request)
            if self.request.headers.get("expect", "").lower() == "100-continue" and not self.request.silent:
                self.conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self.request.length == 0 and self.request.method in ("PUT", "POST") \
                    and "content-length" not in self.request.headers and not self.request.chunked:
                raise Refused(411, "MissingContentLength", "Content-Length is missing")
            if self.request.chunked:
                self.conn.read_chunks(self.request)
            else:
                self.conn.read_body(self.request)
            self.service.verify_body(self.request)
            if name in faults.INSTEAD:
                return faults.INSTEAD[name](self)
            if name in faults.PREPARE:
                faults.PREPARE[name](self)
            reply = self.service.perform(self.request)
            if name in faults.AFTER:
                faults.AFTER[name](self, reply)
            return reply
        except Refused as refusal:
            if self.request.read < self.request.length and not self.request.unread:
                self.conn.read_body(self.request)   # so that the client reads the answer before the end
            if self.request.unread:
                self.conn.open = False
            return self.refused(refusal)

    def send(self, reply):
        sending = faults.SENDING.get(self.rule.get("with"))
        if sending:
            return sending(self, reply)
        if reply.length != "told":
            return self.send_endless(reply)
        self.conn.send_head(self, reply, extra=[] if self.conn.open else [("Connection", "close")])
        if self.request.method != "HEAD":
            self.conn.send(reply.body)
        if getattr(reply, "trailing", None):
            self.conn.send(reply.trailing)
        if not self.conn.open:
            self.conn.close()
        return None


    def send_endless(self, reply):
        """Without a length: in chunks, or up to the end of the connection."""
        chunked = reply.length == "chunked"
        self.conn.send_head(self, reply, length=None,
                            extra=[("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")])
        if self.request.method != "HEAD":
            body = memoryview(reply.body)
            for at in range(0, len(body), PIECE):
                piece = bytes(body[at:at + PIECE])
                self.conn.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                self.conn.send(b"0\r\n\r\n")
        if not chunked:
            self.conn.close()


class Rates:
    """Bytes delivered each way in slots of 10 ms."""

    def __init__(self, wanted):
        self.wanted, self.lock, self.slots = wanted, threading.Lock(), {}

    def count(self, way, size):
        if self.wanted:
            slot = int(time.monotonic() * 100)
            with self.lock:
                pair = self.slots.setdefault(slot, [0, 0])
                pair[way == "out"] += size

    def shown(self):
        """[[slot, in, out]...], slots from the first on."""
        with self.lock:
            first = min(self.slots, default=0)
            return [[slot - first, *self.slots[slot]] for slot in sorted(self.slots)]


class Server:
    """The side that is tested against."""

    def __init__(self, service, rules, options, context=None):
        self.service, self.rules, self.options, self.context = service, rules, options, context
        self.scheme = "https" if context else "http"
        self.rates = Rates(options.rates)
        self.piece = 16 << 10 if options.rates else PIECE
        self.log, self.lock, self.conns, self.stopping = [], threading.Lock(), set(), False
        self.released = threading.Condition()
        self.generation, self.number, self.listener, self.port = 0, 0, None, 0

    def listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(512)
        self.listener, self.port = listener, listener.getsockname()[1]

    def accept_all(self):
        """Runs in a thread for as long as the listener is open."""
        listener = self.listener
        while listener is self.listener:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def start(self):
        if not self.listener:
            self.listen()
        threading.Thread(target=self.accept_all, daemon=True).start()

    def refuse(self):
        """From now on connections are refused, and those there are end."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self.lock:
            conns = list(self.conns)
        for conn in conns:
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait_release(self, conn):
        with self.released:
            seen = self.generation
            while self.generation == seen and not self.stopping:
                self.released.wait(0.05)
                if conn.gone(0):
                    raise Gone

    def release(self):
        with self.released:
            self.generation += 1
            self.released.notify_all()

    def note(self, **fields):
        with self.lock:
            entry = {"n": len(self.log) + 1, "time": time.time(), **fields}
            self.log.append(entry)
            return entry

    def serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.options.rates:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 10)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        with self.lock:
            self.number += 1
            number = self.number
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.note(conn=number, op="tls", error=str(error))
            sock.close()
            return
        conn = Conn(self, sock, number)
        with self.lock:
            self.conns.add(conn)
        try:
            while conn.open and not self.stopping and self.exchange(conn):
                pass
        except Gone:
            pass
        finally:
            with self.lock:
                self.conns.discard(conn)
            sock.close()

    def exchange(self, conn):
        head = conn.read_head()
        if head is None:
            return False
        conn.sent = 0
        request = Request(head)
        self.service.route(request)
        x = Exchange(self, conn, request)
        x.rule = self.rules.meet(request) or {}
        entry = self.note(conn=conn.number, op=request.op, method=request.method, bucket=request.bucket,
                          key=shown_text(request.key), part=request.part, range=request.headers.get("range"),
                          target=request.target.encode("latin-1", "replace").decode("ascii", "replace"),
                          headers={k: shown_text(v.encode("utf-8", "surrogateescape")) for k, v in request.headers.items()},
                          request_id=x.request_id, status=0, received=0, sent=0, fault=x.rule.get("with"))
        try:
            reply = x.answer()
            if reply is not None:
                entry["status"] = reply.status
                x.send(reply)
        finally:
            entry.update(received=request.read, sent=conn.sent, signed=request.payload_hash is not None, done=time.time())
        return conn.open

