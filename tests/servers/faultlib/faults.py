"""Every misbehaviour the server knows, by name.  Four kinds, by the moment at which they act:

    early(exchange)          after the head of the request, before its body is read
    prepare(exchange)        changes the request or the store just before the operation
    instead(exchange)        returns or raises another answer; the operation is not performed
    after(exchange, reply)   changes the right answer
    sending(exchange, reply) writes the answer to the connection in its own way

`exchange.rule` holds the parameters.  Nothing here sleeps for long: a stall lasts until the client
gives up, a drip has a step of `ms` milliseconds.
"""
import base64
import re
import threading
import time
from urllib.parse import unquote_to_bytes

from . import store
from .attributes import matches
from .dialect import text_of
from .service import Reply
from .signing import Refused

EARLY, PREPARE, INSTEAD, AFTER, SENDING = {}, {}, {}, {}, {}


def fault(kind, *names):
    def keep(function):
        for name in names:
            kind[name] = function
        return function
    return keep


# --- before the body is read -----------------------------------------------------------------------

@fault(EARLY, "mute")
def mute(x):
    """Never answers."""
    x.conn.wait_gone()
    return True


@fault(EARLY, "reset")
def reset(x):
    x.conn.reset()
    return True


@fault(EARLY, "close")
def close(x):
    x.conn.close()
    return True


@fault(EARLY, "reset_upload")
def reset_upload(x):
    """Reads `after_bytes` of the body, then resets."""
    x.conn.read_body(x.request, limit=x.point(x.request.length))
    x.conn.reset()
    return True


@fault(EARLY, "stall_upload")
def stall_upload(x):
    """Stops reading after `after_bytes`."""
    x.conn.read_body(x.request, limit=x.point(x.request.length))
    x.conn.wait_gone()
    return True


@fault(EARLY, "hold")
def hold(x):
    """Waits for POST /release, then goes on as if nothing had been."""
    x.server.wait_release(x.conn)
    return False


@fault(EARLY, "no_100")
def no_100(x):
    """Does not answer Expect: 100-continue."""
    x.request.silent = True
    return False


@fault(EARLY, "early_error")
def early_error(x):
    """Answers `status` and `code` without reading the body, and closes."""
    x.request.unread = True
    raise Refused(x.rule.get("status", 403), x.rule.get("code", "AccessDenied"), "refused before the body")


# --- changes to the store or the request -------------------------------------------------------------

@fault(PREPARE, "replace", "replace_ignored")
def replace(x):
    """The object is replaced by `size` other bytes; "_ignored": and If-Match is not looked at."""
    old = x.service.store.find(x.request.bucket, x.request.key)
    data = store.made_bytes(x.rule.get("size", len(old.data)), x.rule.get("seed", "replaced"))
    x.service.store.put(x.request.bucket, x.request.key, store.Object(data, attributes=old.attributes))
    x.request.ignore_if_match = x.rule["with"] == "replace_ignored"


@fault(PREPARE, "remove")
def remove(x):
    x.service.store.remove(x.request.bucket, x.request.key)


@fault(PREPARE, "replace_source")
def replace_source(x):
    """What a copy takes its bytes from is replaced just before."""
    text = unquote_to_bytes(x.request.headers[x.service.dialect.prefix + "copy-source"].removeprefix("/"))
    bucket, _, key = text.partition(b"/")
    old = x.service.store.find(bucket.decode(), key)
    data = store.made_bytes(x.rule.get("size", len(old.data)), x.rule.get("seed", "replaced"))
    x.service.store.put(bucket.decode(), key, store.Object(data, attributes=old.attributes))


@fault(PREPARE, "keeps")
def keeps(x):
    """A delete of many leaves the keys that fit the glob `name`, and says `code` (AccessDenied)."""
    x.request.kept = lambda key: matches(x.rule.get("name"), text_of(key))
    x.request.kept_code = x.rule.get("code", "AccessDenied")


@fault(PREPARE, "drop_upload")
def drop_upload(x):
    """The upload has expired on the server."""
    x.service.store.drop(x.request.bucket, x.request.key, x.request.upload_id)


@fault(PREPARE, "stale")
def stale(x):
    """A cache in the way answers with the version before."""
    x.request.instead = x.service.store.older(x.request.bucket, x.request.key)
    x.request.ignore_if_match = True


@fault(PREPARE, "store_flipped")
def store_flipped(x):
    """One bit is wrong in what gets stored, and every sum is that of the wrong bytes."""
    if x.request.body:
        x.request.body[len(x.request.body) // 2] ^= 1


@fault(PREPARE, "part_etag")
def part_etag(x):
    """The part's ETag is no MD5, as with server-side encryption."""
    x.request.odd_etag = True


@fault(PREPARE, "lacks_part")
def lacks_part(x):
    """The list of parts leaves out part `lacks` (1)."""
    x.request.hidden_parts = {x.rule.get("lacks", 1)}


# --- another answer ----------------------------------------------------------------------------------

def codes(x):
    """Names that stand for a status and the code the provider has for it."""
    throttled = x.service.dialect.throttled
    return {
        "500": (500, "InternalError"), "503": (503, "SlowDown") if throttled[0] != 503 else throttled,
        "429": (429, "TooManyRequests") if throttled[0] != 429 else throttled, "throttle": throttled,
        "502": (502, "BadGateway"), "RequestTimeout": (400, "RequestTimeout"), "skew": (403, "RequestTimeTooSkewed"),
        "ExpiredToken": (400, "ExpiredToken"), "denied": (403, "AccessDenied"),
        "SignatureDoesNotMatch": (403, "SignatureDoesNotMatch"), "NoSuchKey": (404, "NoSuchKey"),
        "NoSuchBucket": (404, "NoSuchBucket"), "NoSuchUpload": (404, "NoSuchUpload"), "409": (409, "OperationAborted"),
        "412": (412, "PreconditionFailed"), "416": (416, "InvalidRange"), "error": (500, "InternalError"),
    }


@fault(INSTEAD, "error", "500", "502", "503", "429", "throttle", "RequestTimeout", "skew", "ExpiredToken", "denied",
       "SignatureDoesNotMatch", "NoSuchKey", "NoSuchBucket", "NoSuchUpload", "409", "412", "416")
def error(x):
    """`status` and `code` override; `retry_after` is sent as it is; `headers` too."""
    status, code = codes(x)[x.rule["with"]]
    refusal = Refused(x.rule.get("status", status), x.rule.get("code", code), x.rule.get("message", "as the rule says"))
    reply = x.refused(refusal)
    if "retry_after" in x.rule:
        reply.headers.append(("Retry-After", str(x.rule["retry_after"])))
    reply.headers += list(x.rule.get("headers", {}).items())
    return reply


class Crowd:
    """Requests that a store with little to give has under way, and those of the last second."""

    def __init__(self):
        self.lock, self.inside, self.times = threading.Lock(), 0, []

    def enter(self, most, per_second):
        with self.lock:
            now = time.monotonic()
            self.times = [t for t in self.times if t > now - 1]
            if self.inside >= most or len(self.times) >= per_second:
                return False
            self.inside += 1
            self.times.append(now)
            return True

    def leave(self):
        with self.lock:
            self.inside -= 1


CROWD = Crowd()


@fault(INSTEAD, "busy")
def busy(x):
    """More than `most` at once, or more than `per_second`, are refused as too fast; the others take `ms` (0)."""
    endless = float("inf")
    if not CROWD.enter(x.rule.get("most", endless), x.rule.get("per_second", endless)):
        return x.refused(Refused(*x.service.dialect.throttled, "too many at once"))
    try:
        time.sleep(x.rule.get("ms", 0) / 1000)
        return x.service.perform(x.request)
    finally:
        CROWD.leave()


@fault(INSTEAD, "redirect")
def redirect(x):
    """`status` (307); `location`: "self", a URL, or none at all."""
    refusal = Refused(x.rule.get("status", 307), x.rule.get("code", "TemporaryRedirect"), "please go elsewhere",
                      Endpoint=x.rule.get("endpoint", "elsewhere.invalid"))
    reply = x.refused(refusal)
    location = x.rule.get("location")
    if location:
        here = f"{x.server.scheme}://{x.request.headers.get('host', '')}{x.request.target}"
        reply.headers.append(("Location", here if location == "self" else location))
    return reply


def document(x, body, status=200, media=None):
    return Reply(status, [("Content-Type", media or x.service.dialect.media)], body)


@fault(INSTEAD, "ok_error")
def ok_error(x):
    """200, and an error inside; the operation is not performed."""
    refusal = Refused(200, x.rule.get("code", "InternalError"), "an error after the status was sent")
    return document(x, x.service.dialect.error(refusal, x.request_id, x.request.path))


@fault(INSTEAD, "empty")
def empty(x):
    return document(x, b"")


@fault(INSTEAD, "garbled")
def garbled(x):
    return document(x, bytes(range(256)) * 4)


@fault(INSTEAD, "bomb")
def bomb(x):
    """A document whose entities grow by ten at each of nine levels; for JSON, one nested very deep."""
    if x.service.dialect.media.endswith("json"):
        return document(x, b'{"a":' * 100000 + b"1" + b"}" * 100000)
    levels = "".join(f'<!ENTITY e{n} "{"&e%d;" % (n - 1) * 10}">' for n in range(1, 10))
    return document(x, f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e0 "ha">{levels}]><r>&e9;</r>'.encode())


@fault(INSTEAD, "dtd")
def dtd(x):
    """The right document, but with an external entity declared in front."""
    reply = x.service.perform(x.request)
    head, _, rest = bytes(reply.body).partition(b"?>")
    entity = b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    return document(x, head + b"?>" + entity + rest if rest else entity + head)


@fault(INSTEAD, "done_cut")
def done_cut(x):
    """The operation is done, its answer is lost."""
    x.service.perform(x.request)
    x.conn.reset()
    return None


@fault(INSTEAD, "done_hold")
def done_hold(x):
    """The operation is done, its answer never comes."""
    x.service.perform(x.request)
    x.conn.wait_gone()


@fault(INSTEAD, "done_error")
def done_error(x):
    """The operation is done, and the answer is an error."""
    x.service.perform(x.request)
    return x.refused(Refused(x.rule.get("status", 500), x.rule.get("code", "InternalError"), "done, yet said to have failed"))


# --- changes to the right answer ---------------------------------------------------------------------

def span_of(reply):
    return [int(n) for n in re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", reply.header("content-range")).groups()]


@fault(AFTER, "full_200")
def full_200(x, reply):
    """The range is ignored."""
    reply.status, reply.body, reply.first = 200, reply.made.data, 0
    reply.set("Content-Range")


@fault(AFTER, "wrong_start")
def wrong_start(x, reply):
    """206, but of another range: `by` bytes earlier or later (-1)."""
    first, last, total = span_of(reply)
    by = x.rule.get("by", -1 if first else 1)
    reply.body = memoryview(reply.made.data)[first + by:last + by + 1]
    reply.set("Content-Range", f"bytes {first + by}-{first + by + len(reply.body) - 1}/{total}")


@fault(AFTER, "lying_start")
def lying_start(x, reply):
    """The right header over the wrong bytes: the body is that of a neighbour."""
    first, last, _ = span_of(reply)
    by = -1 if first else 1
    body = bytes(memoryview(reply.made.data)[first + by:last + by + 1])
    reply.body = body + b"?" * (last - first + 1 - len(body))


@fault(AFTER, "wrong_total")
def wrong_total(x, reply):
    first, last, total = span_of(reply)
    reply.set("Content-Range", f"bytes {first}-{last}/{total + 1}")


@fault(AFTER, "no_content_range")
def no_content_range(x, reply):
    reply.set("Content-Range")


@fault(AFTER, "longer_body")
def longer_body(x, reply):
    reply.body = bytes(reply.body) + b"more than was asked for"


@fault(AFTER, "shorter_body")
def shorter_body(x, reply):
    """Short by `by` bytes (1), and the Content-Length agrees with that."""
    reply.body = bytes(reply.body)[:-x.rule.get("by", 1)]


@fault(AFTER, "multipart_byteranges")
def multipart_byteranges(x, reply):
    span = reply.header("content-range")
    reply.body = b"--b\r\nContent-Range: " + span.encode() + b"\r\n\r\n" + bytes(reply.body) + b"\r\n--b--\r\n"
    reply.set("Content-Range")
    reply.set("Content-Type", "multipart/byteranges; boundary=b")


@fault(AFTER, "flip")
def flip(x, reply):
    """One bit of the body is wrong, at `after_bytes` (the middle)."""
    body = bytearray(reply.body)
    if body:
        body[min(x.rule.get("after_bytes", len(body) // 2), len(body) - 1)] ^= 1
    reply.body = body


@fault(AFTER, "etag")
def etag(x, reply):
    """`etag` is sent instead; without it none is."""
    reply.set("ETag", *([x.rule["etag"]] if "etag" in x.rule else []))


@fault(AFTER, "wrong_crc")
def wrong_crc(x, reply):
    """Every checksum in the headers is another one."""
    for name, value in list(reply.headers):
        if name.lower().endswith("crc64ecma"):
            reply.set(name, str(int(value) ^ 1))
        elif name.lower().startswith("x-amz-checksum-crc"):
            reply.set(name, "AAAAAA==")


@fault(AFTER, "no_crc")
def no_crc(x, reply):
    for name, _ in list(reply.headers):
        if "crc64ecma" in name.lower() or name.lower().startswith("x-amz-checksum-"):
            reply.set(name)


@fault(AFTER, "content_encoding")
def content_encoding(x, reply):
    reply.headers.append(("Content-Encoding", x.rule.get("encoding", "gzip")))


@fault(AFTER, "bad_headers")
def bad_headers(x, reply):
    """Bytes that no header should hold; `header` names it."""
    reply.headers.append((x.rule.get("header", x.service.dialect.prefix + "meta-odd"), "a\x00b\xff\xfe\x1b[31mc"))


@fault(AFTER, "truncated_document")
def truncated_document(x, reply):
    reply.body = bytes(reply.body)[:len(reply.body) // 2]


@fault(AFTER, "no_result_etag")
def no_result_etag(x, reply):
    """A document that says what was made, without its ETag."""
    reply.body = re.sub(rb'<ETag>.*?</ETag>|"ETag": *"[^,]*", *|, *"ETag": *"[^,}]*"', b"", bytes(reply.body))


@fault(AFTER, "leftover")
def leftover(x, reply):
    """Bytes after the answer, before the next one."""
    reply.trailing = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


# --- listings ----------------------------------------------------------------------------------------

def relisted(x, reply, change):
    listing = reply.listing
    change(listing)
    reply.body = x.service.dialect.document("ListBucketResult", listing)


@fault(AFTER, "same_token")
def same_token(x, reply):
    """More to come, for ever, under the same token."""
    relisted(x, reply, lambda d: d.update(IsTruncated=True, NextContinuationToken="dGhlIHNhbWU="))


@fault(AFTER, "no_token")
def no_token(x, reply):
    """More to come, but no token."""
    relisted(x, reply, lambda d: d.update(IsTruncated=True, NextContinuationToken=None))


@fault(INSTEAD, "token_cycle")
def token_cycle(x):
    """Pages A, B, A, B, ..."""
    token = x.request.asked.get("continuation-token")
    x.request.asked.pop("continuation-token", None)
    reply = x.service.perform(x.request)
    relisted(x, reply, lambda d: d.update(IsTruncated=True, NextContinuationToken="Qg==" if token != "Qg==" else "QQ=="))
    return reply


@fault(AFTER, "barren")
def barren(x, reply):
    """More to come, for ever, under new tokens, and never a key."""
    x.service.barren = getattr(x.service, "barren", 0) + 1
    token = base64.b64encode(b"%d" % x.service.barren).decode()
    relisted(x, reply, lambda d: d.update(IsTruncated=True, NextContinuationToken=token, Contents=[]))


@fault(AFTER, "unordered")
def unordered(x, reply):
    relisted(x, reply, lambda d: d["Contents"].reverse())


@fault(AFTER, "duplicated")
def duplicated(x, reply):
    relisted(x, reply, lambda d: d.update(Contents=d["Contents"] + d["Contents"][-1:]))


@fault(AFTER, "outside_prefix")
def outside_prefix(x, reply):
    """A key that was not asked for: `name`."""
    relisted(x, reply, lambda d: d["Contents"].append({**d["Contents"][-1], "Key": x.rule.get("name", "zz-outside")}))


@fault(AFTER, "bad_size")
def bad_size(x, reply):
    """`size` instead of the first size: text, negative, too large."""
    relisted(x, reply, lambda d: d["Contents"].__setitem__(0, {**d["Contents"][0], "Size": x.rule.get("size", "-1")}))


@fault(AFTER, "listed_key")
def listed_key(x, reply):
    """The first key is said to be `name`."""
    relisted(x, reply, lambda d: d["Contents"].__setitem__(0, {**d["Contents"][0], "Key": x.rule["name"]}))


# --- odd ways to send ----------------------------------------------------------------------------------

@fault(SENDING, "reset_body")
def reset_body(x, reply):
    """RST after `after_bytes` of the body."""
    x.conn.send_head(x, reply)
    x.conn.send(reply.body[:x.point(len(reply.body))])
    x.conn.drain()
    x.conn.reset()


@fault(SENDING, "cut")
def cut(x, reply):
    """FIN after `after_bytes` of the body, which Content-Length said would be longer."""
    x.conn.send_head(x, reply)
    x.conn.send(reply.body[:x.point(len(reply.body))])
    x.conn.close()


@fault(SENDING, "cut_no_length")
def cut_no_length(x, reply):
    """No Content-Length, FIN after `after_bytes`: nothing in HTTP says that it is short."""
    x.conn.send_head(x, reply, length=None, extra=[("Connection", "close")])
    x.conn.send(reply.body[:x.point(len(reply.body))])
    x.conn.close()


@fault(SENDING, "stall_headers")
def stall_headers(x, reply):
    x.conn.send_head(x, reply)
    x.conn.wait_gone()


@fault(SENDING, "stall_body")
def stall_body(x, reply):
    x.conn.send_head(x, reply)
    x.conn.send(reply.body[:x.point(len(reply.body))])
    x.conn.wait_gone()


@fault(SENDING, "drip_headers")
def drip_headers(x, reply):
    x.conn.drip(x.conn.head(x, reply), x.rule.get("ms", 50))
    x.conn.send(reply.body)


@fault(SENDING, "drip_body")
def drip_body(x, reply):
    x.conn.send_head(x, reply)
    x.conn.drip(bytes(reply.body), x.rule.get("ms", 50))
    x.conn.close()


@fault(SENDING, "whitespace")
def whitespace(x, reply):
    """`spaces` (20) single blanks, `ms` (50) apart, in front of the document, as a store does that is still at work."""
    x.conn.send_head(x, reply, length=None, extra=[("Transfer-Encoding", "chunked")])
    for _ in range(x.rule.get("spaces", 20)):
        x.conn.drip(b"1\r\n \r\n", x.rule.get("ms", 50), whole=True)
    x.conn.send(b"%x\r\n" % len(reply.body) + bytes(reply.body) + b"\r\n0\r\n\r\n")


@fault(SENDING, "endless_headers")
def endless_headers(x, reply):
    x.conn.send(b"HTTP/1.1 200 OK\r\n")
    x.conn.flood(b"x-padding: " + b"y" * 8000 + b"\r\n")


@fault(SENDING, "endless_body")
def endless_body(x, reply):
    """A document that never ends."""
    x.conn.send_head(x, reply, length=None, extra=[("Transfer-Encoding", "chunked")])
    filler = b"<x>" + b"y" * 65530 + b"</x>" if x.service.dialect.media.endswith("xml") else b" " * 65537
    start = b'<?xml version="1.0"?><r>' if x.service.dialect.media.endswith("xml") else b'{"a":'
    x.conn.send(b"%x\r\n" % len(start) + start + b"\r\n")
    x.conn.flood(b"%x\r\n" % len(filler) + filler + b"\r\n")


@fault(SENDING, "two_lengths")
def two_lengths(x, reply):
    x.conn.send_head(x, reply, extra=[("Content-Length", str(len(reply.body) + 7))])
    x.conn.send(bytes(reply.body))
    x.conn.close()


NAMES = frozenset().union(EARLY, PREPARE, INSTEAD, AFTER, SENDING)
