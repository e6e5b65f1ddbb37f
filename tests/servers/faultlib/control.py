"""The other port: tests arrange faults and look at what happened, JSON over HTTP.

    POST   /rules [rule...]        more rules (see rules.py)      GET /rules     DELETE /rules
    GET    /log?since=N            requests after the N-th        DELETE /log
    GET    /objects?coded=         key -> size, sha256, etag; coded: keys percent-encoded      DELETE /objects and uploads, all of them
    PUT    /objects/KEY            the body, or ?size=N&seed=TEXT, or ?zeros=N, becomes an object; also &mtime=SECONDS,
                                   &acl=, &storage_class=, &tags=JSON, &headers=JSON by their names on the wire
    POST   /objects?count=N&form=a/%%07d&size=N    so many objects at once, all with the same bytes
    POST   /objects?each=TEXT      [percent-encoded key...]: an object for each, its bytes TEXT and the key
    GET    /objects/KEY            its bytes                      DELETE /objects/KEY
    GET    /uploads                unfinished uploads with their parts
    PUT    /uploads/KEY?age=S      one that was begun so many seconds ago
    GET    /rates                  [slot of 10 ms, bytes in, bytes out]...     DELETE /rates
    POST   /release                lets go whatever is held by "hold"
    PUT    /listening true|false   whether connections are accepted
    PUT    /credentials [...]      access_key, secret_key, token, expired
    PUT    /options {...}          page, checksums, min_part, max_copy; of web.py: ranges, lengths, validators, head
"""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote_from_bytes, unquote_to_bytes, urlsplit

from . import store
from .attributes import Attributes
from .dialect import shown_text


def described(made):
    return {"size": len(made.data), "sha256": made.sha256, "etag": made.etag, "parts": made.parts,
            "crc64": str(made.crc64), "headers": made.headers, "storage_class": made.attributes.storage_class,
            "acl": made.attributes.acl, "tags": made.attributes.tags, "mtime": made.modified}


class Control(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of = None    # the wire.Server that is controlled

    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        raw = value if isinstance(value, (bytes, bytearray)) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        _, name, *rest = url.path.split("/", 2)
        query = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        method = getattr(self, f"{self.command.lower()}_{name}", None)
        if not method:
            return self.answer({"error": "no such thing"}, 404)
        try:
            return self.answer(method(unquote_to_bytes(rest[0]) if rest else None, query, body))
        except (ValueError, KeyError) as error:
            return self.answer({"error": str(error)}, 400)

    do_GET = do_PUT = do_POST = do_DELETE = handle_any

    @property
    def buckets(self):
        return self.server_of.service.store.buckets

    def bucket(self, query):
        return query.get("bucket") or next(iter(self.buckets))

    def get_rules(self, *_):
        return self.server_of.rules.shown()

    def post_rules(self, _, query, body):
        self.server_of.rules.add(json.loads(body))
        return True

    def delete_rules(self, *_):
        self.server_of.rules.clear()
        return True

    def get_log(self, _, query, body):
        with self.server_of.lock:
            return [dict(e) for e in self.server_of.log[int(query.get("since", 0)):]]

    def delete_log(self, *_):
        with self.server_of.lock:
            self.server_of.log.clear()
        return True

    def get_objects(self, key, query, body):
        name = self.bucket(query)
        if key is not None:
            return self.server_of.service.store.find(name, key).data
        with self.server_of.service.store.lock:
            found = dict(self.buckets[name].objects)
        shown = quote_from_bytes if "coded" in query else shown_text
        return {shown(k): described(made) for k, made in sorted(found.items())}

    def put_objects(self, key, query, body):
        if "zeros" in query:
            data = store.zeros(int(query["zeros"]))
        else:
            data = store.made_bytes(int(query["size"]), query.get("seed", "")) if "size" in query else bytes(body)
        given = Attributes(json.loads(query.get("headers", "{}")), query.get("storage_class"), query.get("acl"),
                           json.loads(query.get("tags", "{}")))
        made = store.Object(data, attributes=given)
        made.modified = float(query.get("mtime", made.modified))
        self.server_of.service.store.put(self.bucket(query), key, made)
        return described(made)

    def post_objects(self, key, query, body):
        if "each" in query:
            for coded in json.loads(body):
                name = unquote_to_bytes(coded)
                self.server_of.service.store.put(self.bucket(query), name, store.Object(query["each"].encode() + name))
            return True
        form, made = query["form"], store.Object(store.made_bytes(int(query.get("size", 0)), query.get("seed", "")))
        made.modified = float(query.get("mtime", made.modified))
        keys = [(form % n).encode() for n in range(int(query["count"]))]
        self.server_of.service.store.put_many(self.bucket(query), keys, made)
        return len(keys)

    def delete_objects(self, key, query, body):
        name = self.bucket(query)
        if key is not None:
            self.server_of.service.store.remove(name, key)
        else:
            with self.server_of.service.store.lock:
                self.buckets[name] = store.Bucket()
        return True

    def get_uploads(self, key, query, body):
        with self.server_of.service.store.lock:
            uploads = list(self.buckets[self.bucket(query)].uploads.values())
        return [{"id": u.id, "key": shown_text(u.key), "headers": u.attributes.headers, "began": u.began,
                 "acl": u.attributes.acl, "storage_class": u.attributes.storage_class, "tags": u.attributes.tags,
                 "parts": {str(n): len(p.data) for n, p in sorted(u.parts.items())}} for u in uploads]

    def put_uploads(self, key, query, body):
        upload = self.server_of.service.store.create(self.bucket(query), key, Attributes())
        upload.began -= float(query.get("age", 0))
        return upload.id

    def delete_uploads(self, *_):
        with self.server_of.service.store.lock:
            for bucket in self.buckets.values():
                bucket.uploads.clear()
        return True

    def get_rates(self, *_):
        return self.server_of.rates.shown()

    def delete_rates(self, *_):
        with self.server_of.rates.lock:
            self.server_of.rates.slots.clear()
        return True

    def post_release(self, *_):
        self.server_of.release()
        return True

    def put_listening(self, _, query, body):
        if json.loads(body):
            self.server_of.start()
        else:
            self.server_of.refuse()
        return True

    def put_credentials(self, _, query, body):
        self.server_of.service.credentials = json.loads(body)
        return True

    def put_options(self, _, query, body):
        for name, value in json.loads(body).items():
            self.server_of.service.set(name, value)
        return True


def listen(server):
    handler = type("Bound", (Control,), {"server_of": server})
    ThreadingHTTPServer.daemon_threads = True
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)
