"""The store behind the wire: one method per operation, from a request to a reply."""
import base64
import datetime
import hashlib
import re
import time
import zlib
from urllib.parse import unquote_to_bytes

from . import attributes, signing, store
from .copying import Copying
from .dialect import decoded_md5, http_date, iso
from .signing import Refused

# Hosts whose first label is the bucket.
VIRTUAL = (".localhost", ".amazonaws.com", ".aliyuncs.com", ".volces.com")


class Reply:
    """Status, headers and body; `made` is the object the body shows, `first` where in it the body starts."""
    length = "told"    # or "chunked", or "closed"

    def __init__(self, status=200, headers=(), body=b"", made=None, first=0):
        self.status, self.headers, self.body = status, list(headers), body
        self.made, self.first = made, first

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def set(self, name, *values):
        """Replaces a header by none, one or several."""
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        self.headers += [(name, v) for v in values]


class Service(Copying):
    def __init__(self, dialect, options):
        self.dialect, self.options = dialect, options
        self.store = store.Store(dialect.min_part if options.min_part is None else options.min_part)
        self.region = options.region or dialect.region
        self.credentials = [{"access_key": dialect.access_key, "secret_key": dialect.secret_key}]
        self.page = options.page
        for name in options.bucket:
            self.store.make(name)

    def set(self, name, value):
        """An option that a test changes."""
        if name == "page":
            self.page = value
        elif name == "min_part":
            self.store.min_part = value
        elif name in ("checksums", "max_copy"):
            setattr(self.options, name, value)
        else:
            raise ValueError(f"no option {name}")

    # --- what is asked ---------------------------------------------------------------------------

    def route(self, request):
        """Fills bucket, key, op and part of a request from its path, Host and query."""
        path = unquote_to_bytes(request.path)
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        if host.endswith(VIRTUAL):
            request.bucket, request.key = host.partition(".")[0], path[1:]
        else:
            bucket, _, request.key = path[1:].partition(b"/")
            request.bucket = bucket.decode("utf-8", "replace")
        asked = dict(request.query)
        request.asked = asked
        request.upload_id = asked.get("uploadId")
        number = asked.get("partNumber") or ""
        request.part = int(number) if number.isdigit() and len(number) < 9 else None
        request.op = self.op_of(request, asked)

    def op_of(self, request, asked):
        method, copies = request.method, self.dialect.prefix + "copy-source" in request.headers
        if not request.bucket:
            return "buckets"
        if not request.key:
            if method == "POST" and "delete" in asked:
                return "delete_many"
            if method == "GET" and "uploads" in asked:
                return "list_uploads"
            return {"GET": "list", "HEAD": "head_bucket", "PUT": "make_bucket"}.get(method, "other")
        if "uploadId" in asked:
            with_upload = {"PUT": "part_copy" if copies else "part", "POST": "complete", "DELETE": "abort", "GET": "list_parts"}
            return with_upload.get(method, "other")
        if "tagging" in asked:
            return {"GET": "get_tags", "PUT": "put_tags"}.get(method, "other")
        if method == "POST":
            return "create" if "uploads" in asked else "other"
        return {"GET": "get", "HEAD": "head", "PUT": "copy" if copies else "put", "DELETE": "delete"}.get(method, "other")

    def verify(self, request):
        """The signature, before the body is read."""
        now = datetime.datetime.now(datetime.timezone.utc)
        request.payload_hash = signing.verify(self.dialect.name, request, self.credentials, self.region, now)

    def verify_body(self, request):
        """What the headers promise about the body."""
        claimed = request.payload_hash
        if claimed and re.fullmatch("[0-9a-f]{64}", claimed):
            # TOS signs the hash of nothing unless the header is sent, whatever the body.
            if claimed != hashlib.sha256(request.body).hexdigest():
                raise Refused(400, "XAmzContentSHA256Mismatch", "the payload's hash does not match")
        elif claimed and claimed != "UNSIGNED-PAYLOAD":
            raise Refused(501, "NotImplemented", "this kind of payload is not understood here")
        sent = request.headers.get("content-md5")
        if sent is not None and decoded_md5(sent) != hashlib.md5(request.body).digest():
            raise Refused(400, "BadDigest", "the Content-MD5 does not match the body")
        if self.checksums:
            for name in ("crc32c", "crc32", "sha1", "sha256"):
                value = request.headers.get("x-amz-checksum-" + name)
                if value is not None and request.op in ("put", "part") and value != self.checksum(name, request.body):
                    raise Refused(400, "BadDigest", f"the {name} does not match the body")

    @property
    def checksums(self):
        return self.dialect.name == "s3" and self.options.checksums

    @staticmethod
    def checksum(name, data):
        if name == "crc32c":
            return store.crc32c_text(store.sums.crc32c(data))
        if name == "crc32":
            return store.crc32c_text(zlib.crc32(data))
        return base64.b64encode(hashlib.new(name, data).digest()).decode()

    def perform(self, request):
        method = getattr(self, "do_" + request.op, None)
        if not method:
            raise Refused(501, "NotImplemented", "this operation is not implemented here")
        return method(request)

    # --- objects ---------------------------------------------------------------------------------

    def shown(self, made):
        headers = [("ETag", self.dialect.quoted(made.etag)), ("Last-Modified", http_date(made.modified)),
                   ("Accept-Ranges", "bytes")]
        return headers + attributes.shown(self.dialect, made.attributes) + self.dialect.sums(made)

    def conditions(self, request, made):
        wanted = request.headers.get("if-match")
        if wanted is not None and wanted != "*" and not request.ignore_if_match:
            if wanted.strip('"') != self.dialect.quoted(made.etag).strip('"'):
                raise Refused(412, "PreconditionFailed", "the object's ETag is another", Condition="If-Match")
        unwanted = request.headers.get("if-none-match")
        if unwanted and unwanted.strip('"') == self.dialect.quoted(made.etag).strip('"'):
            raise Refused(304, "NotModified", "not modified")

    def range_of(self, request, size):
        """(first, last) or None for everything."""
        text = request.headers.get("range")
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", text or "")
        if not found or not any(found.groups()):
            return None
        first, last = found.groups()
        if not first:
            first, last = max(0, size - int(last)), size - 1
        else:
            first, last = int(first), min(int(last) if last else size - 1, size - 1)
        if first < size and first <= last:
            return first, last
        if self.dialect.range_refused(request.headers):
            raise Refused(416, "InvalidRange", "the requested range cannot be satisfied",
                          RangeRequested=text, ActualObjectSize=size)
        return None

    def do_get(self, request):
        made = request.instead or self.store.find(request.bucket, request.key)
        self.conditions(request, made)
        span, headers = self.range_of(request, len(made.data)), self.shown(made)
        if self.checksums and request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and not span:
            headers += self.checksum_headers(made)
        if not span:
            return Reply(200, headers, made.data, made)
        first, last = span
        headers.append(("Content-Range", f"bytes {first}-{last}/{len(made.data)}"))
        return Reply(206, headers, memoryview(made.data)[first:last + 1], made, first)

    def do_head(self, request):
        return self.do_get(request)

    def checksum_headers(self, made):
        name, value, kind = made.checksum or ("crc32c", store.crc32c_text(made.crc32c), "FULL_OBJECT")
        return [("x-amz-checksum-" + name, value), ("x-amz-checksum-type", kind)]

    def may_overwrite(self, request):
        refuses = request.headers.get("if-none-match") == "*" if self.dialect.name == "s3" else \
            request.headers.get(self.dialect.prefix + "forbid-overwrite", "").lower() == "true"
        if refuses and request.key in self.store.bucket(request.bucket).objects:
            raise Refused(*self.dialect.exists, "the object is already there")

    def check_key(self, request):
        limit = {"s3": 1024, "oss": 1023, "tos": 696}[self.dialect.name]
        if len(request.key) > limit:
            raise Refused(400, "KeyTooLongError" if limit == 1024 else "InvalidObjectName", "the key is too long")
        if self.dialect.name == "oss" and request.key[:1] in (b"/", b"\\"):
            raise Refused(400, "InvalidObjectName", "the key begins with a slash")

    def do_put(self, request):
        self.check_key(request)
        self.may_overwrite(request)
        made = store.Object(bytes(request.body), attributes=attributes.of_request(self.dialect, request.headers))
        headers = self.dialect.sums(made)
        if self.checksums:
            headers += self.echoed(request, made)
        self.store.put(request.bucket, request.key, made)
        return Reply(200, [("ETag", self.dialect.quoted(made.etag))] + headers)

    def echoed(self, request, made):
        """The checksum a client sent is kept and answered."""
        for name in ("crc32c", "crc32", "sha1", "sha256"):
            value = request.headers.get("x-amz-checksum-" + name)
            if value:
                made.checksum = (name, value, "FULL_OBJECT")
                return [("x-amz-checksum-" + name, value)]
        return []

    def do_get_tags(self, request):
        made = self.store.find(request.bucket, request.key)
        return Reply(200, [("Content-Type", self.dialect.media)], self.dialect.tagging(made.attributes.tags))

    def do_put_tags(self, request):
        if self.dialect.name != "oss" and "content-md5" not in request.headers:
            raise Refused(400, "InvalidRequest", "Content-MD5 is missing")
        made = self.store.find(request.bucket, request.key)
        made.attributes.tags = attributes.checked_tags(self.dialect.read_tagging(request.body))
        return Reply(200)

    def do_delete(self, request):
        self.store.bucket(request.bucket)
        self.store.remove(request.bucket, request.key)
        return Reply(204)

    def do_delete_many(self, request):
        if self.dialect.name != "tos" and "content-md5" not in request.headers and not any(n.startswith("x-amz-checksum-") for n in request.headers):
            raise Refused(400, "InvalidRequest", "Content-MD5 is missing")
        keys, quiet = self.dialect.read_delete(request.body)
        if not 1 <= len(keys) <= 1000:
            raise Refused(400, "MalformedXML", "from 1 to 1000 keys may be deleted at once")
        coded = request.asked.get("encoding-type") == "url"
        kept = [key for key in keys if request.kept(key)]
        for key in set(keys) - set(kept):
            self.store.remove(request.bucket, key)
        result = {"EncodingType": "url" if coded else None}
        if not quiet:
            result["Deleted"] = [{"Key": self.dialect.encoded(k, coded)} for k in keys if k not in kept]
        # OSS only leaves out what it could not delete.
        if self.dialect.name != "oss":
            result["Error"] = [{"Key": k, "Code": request.kept_code, "Message": "as the rule says"} for k in kept]
        return self.document("DeleteResult", result)

    # --- buckets and listings --------------------------------------------------------------------

    def document(self, name, content, headers=()):
        return Reply(200, [("Content-Type", self.dialect.media), *headers], self.dialect.document(name, content))

    def do_buckets(self, request):
        names = [{"Name": n, "CreationDate": iso(time.time())} for n in sorted(self.store.buckets)]
        return self.document("ListAllMyBucketsResult", {"Buckets": {"Bucket": names}})

    def do_make_bucket(self, request):
        self.store.make(request.bucket)
        return Reply(200)

    def do_head_bucket(self, request):
        self.store.bucket(request.bucket)
        return Reply(200, [(self.dialect.prefix + "bucket-region", self.region)])

    def limit(self, request, name, default, most):
        text = request.asked.get(name) or str(default)
        if not text.isdigit():
            raise Refused(400, "InvalidArgument", f"{name} is not a number")
        return min(int(text), most, self.page or most)

    def do_list(self, request):
        self.store.bucket(request.bucket)
        if "location" in request.asked:
            return self.document("LocationConstraint", self.region)
        asked, second = request.asked, request.asked.get("list-type") == "2"
        prefix = (asked.get("prefix") or "").encode("utf-8", "surrogateescape")
        after = (asked.get("start-after" if second else "marker") or "").encode("utf-8", "surrogateescape")
        if asked.get("continuation-token"):
            try:
                after = base64.b64decode(asked["continuation-token"], validate=True)
            except ValueError:
                raise Refused(400, "InvalidArgument", "the continuation token is not one") from None
        most = self.limit(request, "max-keys", self.dialect.list_default, 1000)
        contents, prefixes, last, more = self.page_of(request, prefix, after, most)
        coded = asked.get("encoding-type") == "url"
        result = {"Name": request.bucket, "Prefix": self.dialect.encoded(prefix, coded), "MaxKeys": most,
                  "Delimiter": asked.get("delimiter"), "EncodingType": "url" if coded else None,
                  "KeyCount": len(contents) + len(prefixes), "IsTruncated": more}
        if more and second:
            result["NextContinuationToken"] = base64.b64encode(last).decode()
        elif more:
            result["NextMarker"] = self.dialect.encoded(last, coded)
        result["Contents"] = [self.dialect.listed(self.dialect.encoded(k, coded), made) for k, made in contents]
        result["CommonPrefixes"] = [{"Prefix": self.dialect.encoded(p, coded)} for p in prefixes]
        reply = self.document("ListBucketResult", result)
        reply.listing = result
        return reply

    def page_of(self, request, prefix, after, most):
        delimiter = (request.asked.get("delimiter") or "").encode()
        objects = self.store.bucket(request.bucket).objects
        contents, prefixes, last = [], [], after
        for key in self.store.keys(request.bucket, prefix, after):
            folded = None
            if delimiter and delimiter in key[len(prefix):]:
                folded = key[:key.index(delimiter, len(prefix)) + len(delimiter)]
            if key <= after or (folded and after.startswith(folded)):
                continue
            if folded and prefixes and prefixes[-1] == folded:
                last = key
                continue
            if len(contents) + len(prefixes) == most:
                return contents, prefixes, last, True
            last = key
            if folded:
                prefixes.append(folded)
            elif key in objects:
                contents.append((key, objects[key]))
        return contents, prefixes, last, False

    # --- uploads in parts ------------------------------------------------------------------------

    def do_create(self, request):
        self.check_key(request)
        self.may_overwrite(request)
        upload = self.store.create(request.bucket, request.key, attributes.of_request(self.dialect, request.headers))
        headers = []
        if self.checksums and request.headers.get("x-amz-checksum-algorithm"):
            upload.algorithm = request.headers["x-amz-checksum-algorithm"].lower()
            upload.kind = request.headers.get("x-amz-checksum-type", "COMPOSITE")
            headers = [("x-amz-checksum-algorithm", upload.algorithm.upper()), ("x-amz-checksum-type", upload.kind)]
        return self.document("InitiateMultipartUploadResult", {
            "Bucket": request.bucket, "Key": request.key, "UploadId": upload.id}, headers)

    def do_part(self, request):
        upload = self.store.upload(request.bucket, request.key, request.upload_id)
        if request.part is None:
            raise Refused(400, "InvalidArgument", "the part number is missing or not a number")
        made = store.Object(bytes(request.body))
        if request.odd_etag:
            made.etag = hashlib.md5(b"sealed" + made.md5).hexdigest()
        headers = self.dialect.sums(made)
        if self.checksums:
            if upload.algorithm and "x-amz-checksum-" + upload.algorithm not in request.headers:
                raise Refused(400, "InvalidRequest", f"the upload was created with {upload.algorithm}, the part has none")
            headers += self.echoed(request, made)
        self.store.put_part(request.bucket, request.key, request.upload_id, request.part, made)
        return Reply(200, [("ETag", self.dialect.quoted(made.etag))] + headers)

    def do_list_parts(self, request):
        upload = self.store.upload(request.bucket, request.key, request.upload_id)
        marker = request.asked.get("part-number-marker") or "0"
        if not marker.isdigit():
            raise Refused(400, "InvalidArgument", "part-number-marker is not a number")
        most = self.limit(request, "max-parts", 1000, 1000)
        numbers = sorted(n for n in upload.parts if n > int(marker) and n not in request.hidden_parts)
        page = numbers[:most]
        parts = [self.dialect.part_fields(n, upload.parts[n]) for n in page]
        if self.checksums and upload.algorithm == "crc32c":
            for fields, number in zip(parts, page):
                fields["ChecksumCRC32C"] = store.crc32c_text(upload.parts[number].crc32c)
        return self.document("ListPartsResult", {
            "Bucket": request.bucket, "Key": request.key, "UploadId": upload.id, "PartNumberMarker": int(marker),
            "NextPartNumberMarker": page[-1] if page else None, "MaxParts": most,
            "IsTruncated": len(numbers) > len(page), "Part" if self.dialect.name != "tos" else "Parts": parts})

    def do_complete(self, request):
        self.may_overwrite(request)
        upload = self.store.upload(request.bucket, request.key, request.upload_id)
        wanted = self.dialect.read_complete(request.body)
        made = self.store.complete(request.bucket, request.key, request.upload_id, [p[:2] for p in wanted])
        result = {"Location": f"http://{request.headers['host']}{request.path}", "Bucket": request.bucket,
                  "Key": request.key, "ETag": self.dialect.quoted(made.etag)}
        if self.checksums and upload.algorithm == "crc32c":
            self.check_checksums(request, upload, made, wanted)
            result.update(ChecksumCRC32C=made.checksum[1], ChecksumType=upload.kind)
        self.store.put(request.bucket, request.key, made)
        self.store.drop(request.bucket, request.key, request.upload_id)
        return self.document("CompleteMultipartUploadResult", result, self.dialect.sums(made))

    @staticmethod
    def check_checksums(request, upload, made, wanted):
        for (number, _, extra), part in zip(wanted, made.of):
            given = extra.get("ChecksumCRC32C")
            if given != store.crc32c_text(part.crc32c) and (given or upload.kind == "COMPOSITE"):
                raise Refused(400, "InvalidPart" if given else "InvalidRequest",
                              "a part's checksum is missing or another", PartNumber=number)
        full = store.crc32c_text(made.crc32c)
        sent = request.headers.get("x-amz-checksum-crc32c")
        right = full if upload.kind == "FULL_OBJECT" else store.composite_text(made.of)
        if sent is not None and sent != right:
            raise Refused(400, "BadDigest", "the checksum of the object is another")
        made.checksum = ("crc32c", right, upload.kind)

    def do_abort(self, request):
        self.store.drop(request.bucket, request.key, request.upload_id)
        return Reply(204)

    def do_list_uploads(self, request):
        asked = request.asked
        coded = asked.get("encoding-type") == "url"
        prefix = (asked.get("prefix") or "").encode("utf-8", "surrogateescape")
        after = ((asked.get("key-marker") or "").encode("utf-8", "surrogateescape"), asked.get("upload-id-marker") or "")
        found = sorted(((u.key, u.id, u.began) for u in self.store.bucket(request.bucket).uploads.values()
                        if u.key.startswith(prefix)), key=lambda u: u[:2])
        if after[0]:
            found = [u for u in found if (u[:2] > after if after[1] else u[0] > after[0])]
        most = self.limit(request, "max-uploads", 1000, 1000)
        page = found[:most]
        listed = [{"Key": self.dialect.encoded(k, coded), "UploadId": i, "Initiated": iso(t)} for k, i, t in page]
        more = len(found) > len(page)
        return self.document("ListMultipartUploadsResult", {
            "Bucket": request.bucket, "EncodingType": "url" if coded else None, "MaxUploads": most,
            "IsTruncated": more, "NextKeyMarker": self.dialect.encoded(page[-1][0], coded) if more else None,
            "NextUploadIdMarker": page[-1][1] if more else None,
            "Upload" if self.dialect.name != "tos" else "Uploads": listed})
