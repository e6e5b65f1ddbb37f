"""Buckets in memory: objects, unfinished uploads, and the sums each provider keeps of them."""
import base64
import hashlib
import random
import threading
import time

from . import sums
from .signing import Refused

MIB = 1 << 20


def made_bytes(size, seed):
    """The same bytes for the same seed."""
    source, pieces = random.Random(seed), []
    while size > 0:
        pieces.append(source.randbytes(min(size, 8 * MIB)))
        size -= 8 * MIB
    return b"".join(pieces)


class Lazy:
    """Sums of some bytes, each computed once when it is first asked for."""

    def __init__(self, data):
        self.data, self.known = data, {}

    def _once(self, name, compute):
        if name not in self.known:
            self.known[name] = compute(self.data)
        return self.known[name]

    @property
    def md5(self):
        return self._once("md5", lambda d: hashlib.md5(d).digest())

    @property
    def sha256(self):
        return self._once("sha256", lambda d: hashlib.sha256(d).hexdigest())

    @property
    def crc64(self):
        return self._once("crc64", sums.crc64)

    @property
    def crc32c(self):
        return self._once("crc32c", sums.crc32c)


class Object(Lazy):
    def __init__(self, data, etag=None, headers=None, parts=0):
        super().__init__(data)
        self.parts, self.headers, self.modified = parts, dict(headers or {}), time.time()
        self.etag = etag or self.md5.hex()
        self.checksum = None    # (header, value, type) as the client gave it


class Upload:
    def __init__(self, key, number, headers):
        self.key, self.headers, self.parts = key, headers, {}
        self.id = hashlib.sha256(b"%d:" % number + key).hexdigest()[:32]
        self.began = time.time()


class Bucket:
    def __init__(self):
        self.objects, self.uploads, self.older = {}, {}, {}


class Store:
    """All buckets.  Every method takes the lock; what it returns is never changed afterwards."""

    def __init__(self, min_part):
        self.lock, self.buckets, self.min_part, self.counter = threading.RLock(), {}, min_part, 0

    def bucket(self, name):
        with self.lock:
            if name not in self.buckets:
                raise Refused(404, "NoSuchBucket", "the specified bucket does not exist", BucketName=name)
            return self.buckets[name]

    def make(self, name):
        with self.lock:
            self.buckets.setdefault(name, Bucket())

    def find(self, bucket, key):
        with self.lock:
            found = self.bucket(bucket).objects.get(key)
        if found is None:
            raise Refused(404, "NoSuchKey", "the specified key does not exist", Key=key)
        return found

    def put(self, bucket, key, made):
        with self.lock:
            home = self.bucket(bucket)
            if key in home.objects:
                home.older[key] = home.objects[key]
            home.objects[key] = made
        return made

    def older(self, bucket, key):
        with self.lock:
            return self.bucket(bucket).older.get(key)

    def remove(self, bucket, key):
        with self.lock:
            return self.bucket(bucket).objects.pop(key, None)

    def keys(self, bucket, prefix=b""):
        with self.lock:
            return sorted(k for k in self.bucket(bucket).objects if k.startswith(prefix))

    # --- uploads in parts --------------------------------------------------------------------

    def create(self, bucket, key, headers):
        with self.lock:
            self.counter += 1
            upload = Upload(key, self.counter, headers)
            self.bucket(bucket).uploads[upload.id] = upload
            return upload

    def upload(self, bucket, key, upload_id):
        with self.lock:
            upload = self.bucket(bucket).uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise Refused(404, "NoSuchUpload", "the specified upload does not exist", UploadId=upload_id)
        return upload

    def put_part(self, bucket, key, upload_id, number, made):
        if not 1 <= number <= 10000:
            raise Refused(400, "InvalidArgument", "the part number must be from 1 to 10000")
        with self.lock:
            self.upload(bucket, key, upload_id).parts[number] = made

    def complete(self, bucket, key, upload_id, wanted):
        """`wanted` is a list of (number, etag without quotes); returns the object, not yet stored."""
        with self.lock:
            upload = self.upload(bucket, key, upload_id)
            if not wanted:
                raise Refused(400, "MalformedXML", "there are no parts")
            if [n for n, _ in wanted] != sorted({n for n, _ in wanted}):
                raise Refused(400, "InvalidPartOrder", "the parts are not in ascending order")
            chosen = []
            for number, etag in wanted:
                part = upload.parts.get(number)
                if part is None or part.etag.lower() != etag.lower():
                    raise Refused(400, "InvalidPart", "a part is not there or has another ETag", PartNumber=number)
                chosen.append(part)
            for part in chosen[:-1]:
                if len(part.data) < self.min_part:
                    raise Refused(400, "EntityTooSmall", "a part that is not the last is too small",
                                  ProposedSize=len(part.data), MinSizeAllowed=self.min_part)
        etag = hashlib.md5(b"".join(p.md5 for p in chosen)).hexdigest() + f"-{len(chosen)}"
        made = Object(b"".join(p.data for p in chosen), etag, upload.headers, len(chosen))
        made.of = chosen
        return made

    def drop(self, bucket, key, upload_id):
        with self.lock:
            self.upload(bucket, key, upload_id)
            return self.bucket(bucket).uploads.pop(upload_id)


def crc32c_text(value):
    return base64.b64encode(value.to_bytes(4, "big")).decode()


def composite_text(parts):
    """S3's checksum of checksums of an object in parts."""
    raw = b"".join(p.crc32c.to_bytes(4, "big") for p in parts)
    return crc32c_text(sums.crc32c(raw)) + f"-{len(parts)}"
