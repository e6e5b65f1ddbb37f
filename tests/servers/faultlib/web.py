"""A plain web server: GET and HEAD of what is in the store, with as few manners as a test asks for.

Options, set at the start or by PUT /options of the control port:
    ranges      true: ranges are honoured and said to be; false: neither
    lengths     "told": Content-Length; "chunked": none; "closed": none, and the end is that of the connection
    validators  "strong": an ETag; "weak": a weak one; "time": only Last-Modified; "none"
    head        true, or the status that answers every HEAD
"""
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from . import service
from .dialect import Dialect, http_date
from .service import Reply
from .signing import Refused


class Web(Dialect):
    name, prefix, media = "web", "x-", "text/html"
    access_key = secret_key = region = ""
    throttled = (503, "")

    def document(self, name, content):
        return b"<html><body>no documents here</body></html>"

    def error(self, refusal, request_id, resource):
        return f"<html><body><h1>{refusal.status}</h1><p>{refusal.message}</p></body></html>".encode()

    def ids(self, request_id):
        return [("X-Request-Id", request_id)]


class Service(service.Service):
    def __init__(self, dialect, options):
        super().__init__(dialect, options)
        self.manners = {"ranges": True, "lengths": "told", "validators": "strong", "head": True}

    def set(self, name, value):
        if name not in self.manners:
            return super().set(name, value)
        self.manners[name] = value
        return None

    def route(self, request):
        """The path is the key, in the first bucket."""
        request.bucket, request.asked = self.options.bucket[0], dict(request.query)
        request.key = unquote_to_bytes(request.path)[1:]
        request.op = {"GET": "get", "HEAD": "head"}.get(request.method, "other")

    def verify(self, request):
        if "authorization" in request.headers and not self.options.authorization:
            raise Refused(400, "", "nobody asked for an authorization")

    def verify_body(self, request):
        if request.body:
            raise Refused(400, "", "there is a body")

    def perform(self, request):
        if request.op == "other" or request.query:
            raise Refused(405, "", "only GET and HEAD of files")
        if request.op == "head" and self.manners["head"] is not True:
            raise Refused(self.manners["head"], "", "no HEAD here")
        return self.do_get(request)

    def shown(self, made):
        headers = [("Content-Type", made.headers.get("content-type", "application/octet-stream"))]
        headers += [(n, v) for n, v in made.headers.items() if n != "content-type"]
        if self.manners["ranges"]:
            headers.append(("Accept-Ranges", "bytes"))
        kind = self.manners["validators"]
        if kind in ("strong", "weak"):
            headers.append(("ETag", ("W/" if kind == "weak" else "") + f'"{made.etag}"'))
        if kind != "none":
            headers.append(("Last-Modified", http_date(made.modified)))
        return headers

    def conditions(self, request, made):
        wanted, since = request.headers.get("if-match"), request.headers.get("if-unmodified-since")
        if request.ignore_if_match:
            return
        # A weak ETag never satisfies If-Match.
        if wanted is not None and (self.manners["validators"] != "strong" or wanted != f'"{made.etag}"'):
            raise Refused(412, "", "the file is another")
        if wanted is None and since is not None and int(made.modified) > parsedate_to_datetime(since).timestamp():
            raise Refused(412, "", "the file has changed")

    def range_of(self, request, size):
        return super().range_of(request, size) if self.manners["ranges"] else None

    def do_get(self, request):
        made = request.instead or self.store.find(request.bucket, request.key)
        self.conditions(request, made)
        span, headers = self.range_of(request, len(made.data)), self.shown(made)
        if not span:
            reply = Reply(200, headers, made.data, made)
            reply.length = self.manners["lengths"]
            return reply
        first, last = span
        headers.append(("Content-Range", f"bytes {first}-{last}/{len(made.data)}"))
        return Reply(206, headers, memoryview(made.data)[first:last + 1], made, first)
