"""Copies inside the store: whole objects, and ranges of them as parts of an upload."""
import re
import time
from urllib.parse import unquote_to_bytes

from . import attributes, store
from .dialect import iso
from .signing import Refused


class Copying:
    """Adds do_copy and do_part_copy to a service."""

    def source_of(self, request):
        """The object that the headers name, which is what they say it must be."""
        prefix = self.dialect.prefix
        text = request.headers[prefix + "copy-source"]
        if not text.isascii() or "+" in text or "?" in text or re.search("%(?![0-9A-Fa-f]{2})", text):
            raise Refused(400, "InvalidArgument", "the copy source is not percent-encoded as it must be")
        bucket, _, key = unquote_to_bytes(text.removeprefix("/")).partition(b"/")
        if not bucket or not key:
            raise Refused(400, "InvalidArgument", "the copy source is not /bucket/key")
        source = self.store.find(bucket.decode("utf-8", "replace"), key)
        wanted = request.headers.get(prefix + "copy-source-if-match")
        if wanted is not None and wanted.strip('"') != self.dialect.quoted(source.etag).strip('"'):
            raise Refused(412, "PreconditionFailed", "the source's ETag is another", Condition="x-copy-source-if-match")
        request.source = (bucket, key)
        return source

    def copied(self, name, made, extra):
        return self.document(name, {"LastModified": iso(time.time()), "ETag": self.dialect.quoted(made.etag), **extra})

    def do_copy(self, request):
        self.check_key(request)
        self.may_overwrite(request)
        if request.length:
            raise Refused(400, "InvalidRequest", "a copy has no body")
        source = self.source_of(request)
        if len(source.data) > self.options.max_copy:
            raise Refused(400, "InvalidRequest", "the source is larger than a single copy may be")
        taken = attributes.of_copy(self.dialect, request.headers, source.attributes)
        to_itself = request.source == (request.bucket.encode(), request.key)
        if to_itself and request.headers.get(self.dialect.prefix + "metadata-directive", "COPY").upper() == "COPY":
            raise Refused(400, "InvalidRequest", "an object cannot be copied to itself without a change")
        made = source.again(taken)
        made.checksum = source.checksum
        self.store.put(request.bucket, request.key, made)
        extra = {}
        if self.checksums and made.checksum and made.checksum[0] == "crc32c":
            extra = {"ChecksumCRC32C": made.checksum[1], "ChecksumType": made.checksum[2]}
        return self.copied("CopyObjectResult", made, extra)

    def copy_range(self, request, size):
        text = request.headers.get(self.dialect.prefix + "copy-source-range")
        if text is None:
            return 0, size - 1
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", text)
        if not found or not int(found[1]) <= int(found[2]) < size:
            raise Refused(400, "InvalidArgument", "the copy source range is malformed or not inside the source")
        return int(found[1]), int(found[2])

    def do_part_copy(self, request):
        upload = self.store.upload(request.bucket, request.key, request.upload_id)
        if request.part is None:
            raise Refused(400, "InvalidArgument", "the part number is missing or not a number")
        if request.length:
            raise Refused(400, "InvalidRequest", "a copy has no body")
        source = self.source_of(request)
        first, last = self.copy_range(request, len(source.data))
        made = store.Object(memoryview(source.data)[first:last + 1])
        made.origin = (source.data, first)
        self.store.put_part(request.bucket, request.key, request.upload_id, request.part, made)
        sums = self.checksums and upload.algorithm == "crc32c"
        return self.copied("CopyPartResult", made, {"ChecksumCRC32C": store.crc32c_text(made.crc32c)} if sums else {})
