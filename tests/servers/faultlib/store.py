"""Buckets in memory: objects, unfinished uploads, and the sums each provider keeps of them."""
import base64
import bisect
import hashlib
import mmap
import random
import threading
import time

from . import sums
from .attributes import Attributes
from .signing import Refused

MIB = 1 << 20


def made_bytes(size, seed):
    """The same bytes for the same seed."""
    source, pieces = random.Random(seed), []
    while size > 0:
        pieces.append(source.randbytes(min(size, 8 * MIB)))
        size -= 8 * MIB
    return b"".join(pieces)


def zeros(size):
    """So many zero bytes that take no memory as long as they are only read."""
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)) if size else b""


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
    origin = None    # (bytes, where these begin in them): a part that was copied

    def __init__(self, data, etag=None, attributes=None, parts=0):
        super().__init__(data)
        self.parts, self.attributes, self.modified = parts, attributes or Attributes(), time.time()
        self.etag = etag or self.md5.hex()
        self.checksum = None    # (header, value, type) as the client gave it

    @property
    def headers(self):
        return self.attributes.headers

    def again(self, attributes):
        """The same bytes under other attributes: what is known of them stays known."""
        made = Object(self.data, self.md5.hex(), attributes)
        made.known = self.known
        return made


class Upload:
    def __init__(self, key, number, attributes):
        self.key, self.attributes, self.parts = key, attributes, {}
        self.id = hashlib.sha256(b"%d:" % number + key).hexdigest()[:32]
        self.began = time.time()
        self.algorithm = self.kind = None


class Bucket:
    def __init__(self):
        self.objects, self.uploads, self.older, self.sorted = {}, {}, {}, None


def joined(parts):
    """The bytes of all parts; those of the source itself where they are just its copied ranges."""
    at = 0
    for part in parts:
        if not part.origin or part.origin[0] is not parts[0].origin[0] or part.origin[1] != at:
            return b"".join(p.data for p in parts)
        at += len(part.data)
    return parts[0].origin[0] if at == len(parts[0].origin[0]) else b"".join(p.data for p in parts)


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
            else:
                home.sorted = None
            home.objects[key] = made
        return made

    def put_many(self, bucket, keys, made):
        with self.lock:
            home = self.bucket(bucket)
            home.objects.update((key, made) for key in keys)
            home.sorted = None

    def older(self, bucket, key):
        with self.lock:
            return self.bucket(bucket).older.get(key)

    def remove(self, bucket, key):
        with self.lock:
            home = self.bucket(bucket)
            if key in home.objects:
                home.sorted = None
            return home.objects.pop(key, None)

    def keys(self, bucket, prefix=b"", after=b""):
        """Those with the prefix that come behind `after`, one by one."""
        with self.lock:
            home = self.bucket(bucket)
            if home.sorted is None:
                home.sorted = sorted(home.objects)
            keys = home.sorted
        at = max(bisect.bisect_left(keys, prefix), bisect.bisect_right(keys, after) if after else 0)
        while at < len(keys) and keys[at].startswith(prefix):
            yield keys[at]
            at += 1

    # --- uploads in parts --------------------------------------------------------------------

    def create(self, bucket, key, attributes):
        with self.lock:
            self.counter += 1
            upload = Upload(key, self.counter, attributes)
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
        made = Object(joined(chosen), etag, upload.attributes, len(chosen))
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
