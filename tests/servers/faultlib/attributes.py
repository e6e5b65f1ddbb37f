"""What objects carry beside their bytes: which headers are kept, checked and answered again."""
import base64
import fnmatch
from urllib.parse import parse_qsl

from .signing import Refused

PLAIN = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires")
CLASSES = {
    "s3": ("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
           "DEEP_ARCHIVE", "GLACIER_IR"),
    "oss": ("Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"),
    "tos": ("STANDARD", "IA", "ARCHIVE_FR", "INTELLIGENT_TIERING", "COLD_ARCHIVE", "ARCHIVE", "DEEP_COLD_ARCHIVE"),
}
ACLS = {
    "s3": ("private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read",
           "bucket-owner-full-control"),
    "oss": ("default", "private", "public-read", "public-read-write"),
    "tos": ("default", "private", "public-read", "public-read-write", "authenticated-read", "bucket-owner-read",
            "bucket-owner-full-control"),
}
METADATA_MOST = {"s3": 2 << 10, "oss": 8 << 10, "tos": 8 << 10}


class Attributes:
    """`headers` are answered, the rest is only shown to tests."""

    def __init__(self, headers=None, storage_class=None, acl=None, tags=None):
        self.headers = dict(headers or {})
        self.storage_class, self.acl, self.tags = storage_class, acl, dict(tags or {})


def names(dialect):
    """Of storage class, acl and tags."""
    prefix = dialect.prefix
    return prefix + "storage-class", prefix + ("object-acl" if dialect.name == "oss" else "acl"), prefix + "tagging"


def read_tags(text):
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
    except ValueError:
        raise Refused(400, "InvalidArgument", "the tags are not name=value&...") from None
    return checked_tags(pairs)


def checked_tags(pairs):
    if len(pairs) > 10 or len({n for n, _ in pairs}) != len(pairs) or any(len(n) > 128 or len(v) > 256 for n, v in pairs):
        raise Refused(400, "InvalidTag", "there are too many tags, or they are too long")
    return dict(pairs)


def of_request(dialect, headers):
    """What a PUT, a create or a copy gives to its object; raises for what the provider does not take."""
    meta, (storage, acl, tags) = dialect.prefix + "meta-", names(dialect)
    kept = {n: v for n, v in headers.items() if n in PLAIN or n.startswith(meta)}
    if sum(len(n) - len(meta) + len(v.encode("utf-8", "surrogateescape")) for n, v in kept.items()
           if n.startswith(meta)) > METADATA_MOST[dialect.name]:
        raise Refused(400, "MetadataTooLarge", "the metadata is larger than the provider takes")
    if dialect.name == "tos" and any(not v.isascii() for v in kept.values()):
        raise Refused(400, "InvalidArgument", "a header holds more than ASCII")
    if headers.get(storage, CLASSES[dialect.name][0]) not in CLASSES[dialect.name]:
        raise Refused(400, "InvalidStorageClass", "there is no such storage class")
    if headers.get(acl, "private") not in ACLS[dialect.name]:
        raise Refused(400, "InvalidArgument", "there is no such acl")
    return Attributes(kept, headers.get(storage), headers.get(acl), read_tags(headers.get(tags, "")))


def of_copy(dialect, headers, source):
    """The same for a copy of `source`, by its directives."""
    given = of_request(dialect, headers)
    replace = {}
    for what in ("metadata", "tagging"):
        word = headers.get(f"{dialect.prefix}{what}-directive", "COPY").upper()
        if word not in ("COPY", "REPLACE"):
            raise Refused(400, "InvalidArgument", f"the {what} directive is unknown")
        replace[what] = word == "REPLACE"
    return Attributes(given.headers if replace["metadata"] else source.headers, given.storage_class, given.acl,
                      given.tags if replace["tagging"] else source.tags)


def answered(dialect, value):
    """S3 takes bytes that are no ASCII for Latin-1, and answers them in RFC 2047."""
    if dialect.name != "s3" or value.isascii():
        return value
    text = value.encode("utf-8", "surrogateescape").decode("latin-1")
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="


def shown(dialect, attributes):
    """As headers of an answer."""
    meta, (storage, _, tags) = dialect.prefix + "meta-", names(dialect)
    pairs = [(n, answered(dialect, v) if n.startswith(meta) else v) for n, v in attributes.headers.items()]
    if "content-type" not in attributes.headers:
        pairs.append(("Content-Type", "application/octet-stream"))
    storage_class = attributes.storage_class or CLASSES[dialect.name][0]
    if dialect.name != "s3" or storage_class != "STANDARD":
        pairs.append((storage, storage_class))
    if attributes.tags:
        pairs.append((tags + "-count", str(len(attributes.tags))))
    return pairs


def matches(pattern, text):
    return pattern is None or fnmatch.fnmatchcase(text, pattern)
