#!/usr/bin/env python3
"""A small S3 client of its own, to look at a server independently of the program under test.

    s3.py [--env STATE/env] COMMAND ARGUMENT...

    mb BUCKET                      make a bucket; fine if it is there
    ls BUCKET [PREFIX]             JSON lines: key, size, etag
    uploads BUCKET                 JSON lines: key, id and number of parts of every unfinished upload
    head BUCKET KEY                one JSON object: size, etag, headers
    put BUCKET KEY FILE            one object
    get BUCKET KEY FILE
    rm BUCKET PREFIX               every object below a prefix, and every unfinished upload
    put-tree BUCKET PREFIX DIR     every file below DIR
    sums BUCKET [PREFIX]           "sha256 size key" for every object, key percent-encoded, sorted

Endpoint and keys come from the environment or from the --env file: ENDPOINT, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION.  Standard library only.
"""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import sys
import urllib.parse
import xml.etree.ElementTree as ET

EMPTY = hashlib.sha256(b"").hexdigest()


class Failed(Exception):
    pass


def encode(text, safe=""):
    return urllib.parse.quote(os.fsencode(text), safe=safe + "-_.~")


def decode(text):
    """Names are text in which bytes that are no UTF-8 have their own places, as in os.fsdecode."""
    return os.fsdecode(urllib.parse.unquote_to_bytes(text.replace("+", " ")))


class S3:
    def __init__(self, env):
        self.url = urllib.parse.urlsplit(env["ENDPOINT"])
        self.key, self.secret = env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
        self.region = env.get("AWS_REGION", "us-east-1")
        self.connection = None

    def sign(self, method, path, query, payload):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        day = now[:8]
        headers = {"host": self.url.netloc, "x-amz-content-sha256": payload, "x-amz-date": now}
        names = ";".join(sorted(headers))
        lines = "".join(f"{n}:{headers[n]}\n" for n in sorted(headers))
        canonical = "\n".join([method, path, query, lines, names, payload])
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + self.secret).encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, "
                                    f"SignedHeaders={names}, Signature={signature}")
        return headers

    def call(self, method, bucket, key="", query=None, body=b"", sink=None, ok=(200, 204)):
        path = "/" + encode(bucket) + ("/" + encode(key, "/") if key else "")
        text = "&".join(f"{encode(k)}={encode(v)}" for k, v in sorted((query or {}).items()))
        headers = self.sign(method, path, text, hashlib.sha256(body).hexdigest() if body else EMPTY)
        if self.connection is None:
            kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
            self.connection = kind(self.url.netloc, timeout=60)
        try:
            self.connection.request(method, path + ("?" + text if text else ""), body=body, headers=headers)
            reply = self.connection.getresponse()
            if sink and reply.status in ok:
                while piece := reply.read(1 << 20):
                    sink(piece)
                data = b""
            else:
                data = reply.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        if reply.status not in ok:
            raise Failed(f"{method} {path}: {reply.status} {data[:400]!r}")
        return reply, data

    def pages(self, bucket, query, element, follow):
        """Yields every `element` of a listing; `follow` names the markers of the next page."""
        query = dict(query)
        while True:
            _, data = self.call("GET", bucket, query=query)
            root = ET.fromstring(data)
            for node in root.iter():
                node.tag = node.tag.rsplit("}", 1)[-1]
            yield from root.findall(element)
            if root.findtext("IsTruncated") != "true":
                return
            for mark, name in follow.items():
                query[name] = root.findtext(mark)

    def objects(self, bucket, prefix=""):
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        for node in self.pages(bucket, query, "Contents", {"NextContinuationToken": "continuation-token"}):
            yield {"key": decode(node.findtext("Key")), "size": int(node.findtext("Size")),
                   "etag": node.findtext("ETag")}

    def uploads(self, bucket):
        follow = {"NextKeyMarker": "key-marker", "NextUploadIdMarker": "upload-id-marker"}
        query = {"uploads": "", "encoding-type": "url"}
        for node in self.pages(bucket, query, "Upload", follow):
            key, name = decode(node.findtext("Key")), node.findtext("UploadId")
            _, data = self.call("GET", bucket, key, {"uploadId": name}, ok=(200, 404))
            yield {"key": key, "id": name, "parts": data.count(b"<PartNumber>")}

    def make_bucket(self, bucket):
        self.call("PUT", bucket, ok=(200, 409))

    def remove(self, bucket, prefix):
        for each in list(self.objects(bucket, prefix)):
            self.call("DELETE", bucket, each["key"])
        for each in list(self.uploads(bucket)):
            self.call("DELETE", bucket, each["key"], {"uploadId": each["id"]}, ok=(200, 204, 404))

    def sums(self, bucket, prefix):
        for each in sorted(self.objects(bucket, prefix), key=lambda o: os.fsencode(o["key"])):
            digest = hashlib.sha256()
            self.call("GET", bucket, each["key"], sink=digest.update)
            yield f"{digest.hexdigest()} {each['size']} {encode(each['key'], '/')}"

    def put_tree(self, bucket, prefix, root):
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    self.call("PUT", bucket, prefix + os.path.relpath(path, root), body=file.read())


def settings(path):
    env = dict(os.environ)
    if path:
        with open(path, encoding="utf-8") as file:
            env.update(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    return env


def main(args):
    path = None
    if args[:1] == ["--env"]:
        path, args = args[1], args[2:]
    if not args:
        sys.exit(__doc__)
    s3, verb, rest = S3(settings(path)), args[0], args[1:]
    if verb == "mb":
        s3.make_bucket(*rest)
    elif verb in ("ls", "uploads"):
        for each in (s3.objects if verb == "ls" else s3.uploads)(*rest):
            print(json.dumps(each))
    elif verb == "head":
        reply, _ = s3.call("HEAD", *rest)
        print(json.dumps({"size": int(reply.getheader("content-length")), "etag": reply.getheader("etag"),
                          "headers": {k.lower(): v for k, v in reply.getheaders()}}))
    elif verb == "put":
        with open(rest[2], "rb") as file:
            s3.call("PUT", rest[0], rest[1], body=file.read())
    elif verb == "get":
        with open(rest[2], "wb") as file:
            s3.call("GET", rest[0], rest[1], sink=file.write)
    elif verb == "rm":
        s3.remove(*rest)
    elif verb == "put-tree":
        s3.put_tree(*rest)
    elif verb == "sums":
        for line in s3.sums(rest[0], rest[1] if len(rest) > 1 else ""):
            print(line)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Failed, OSError, http.client.HTTPException) as error:
        sys.exit(f"s3.py: {error}")
