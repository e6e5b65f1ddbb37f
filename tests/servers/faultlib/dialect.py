"""What the three providers call things: routes, documents in XML or JSON, headers, errors."""
import base64
import binascii
import json
import time
import xml.etree.ElementTree as ET
from email.utils import formatdate
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from .signing import Refused

XML_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def text_of(key):
    return key.decode("utf-8", "surrogateescape")


def shown_text(key):
    """For JSON, whatever the bytes."""
    return key.decode("utf-8", "replace")


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def xml(name, content):
    """`content`: a dict (lists repeat the element), or a value."""
    if isinstance(content, dict):
        inner = "".join(xml(n, each) for n, value in content.items() for each in
                        (value if isinstance(value, list) else [value]) if each is not None)
    elif isinstance(content, bool):
        inner = "true" if content else "false"
    else:
        inner = escape(content if isinstance(content, str) else text_of(content) if isinstance(content, bytes) else str(content))
    return f"<{name}>{inner}</{name}>"


def plain(value):
    """Bytes to text throughout, for JSON."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return text_of(value) if isinstance(value, bytes) else value


class Dialect:
    """S3; the other two say where they differ."""
    name, prefix, media = "s3", "x-amz-", "application/xml"
    min_part, list_default, key_safe = 5 << 20, 1000, "/"
    access_key, secret_key, region = "HAULFAULTKEY00000001", "haul/fault+secret=of/a+test", "us-east-1"
    throttled = (503, "SlowDown")
    exists = (412, "PreconditionFailed")

    def quoted(self, etag):
        return f'"{etag}"'

    def document(self, name, content):
        body = '<?xml version="1.0" encoding="UTF-8"?>\n' + xml(name, content)
        return body.replace(f"<{name}>", f'<{name} xmlns="{XML_NAMESPACE}">', 1).encode("utf-8", "surrogateescape")

    def error(self, refusal, request_id, resource):
        fields = {"Code": refusal.code, "Message": refusal.message, "Resource": resource,
                  "RequestId": request_id, "HostId": "host-" + request_id, **refusal.fields}
        return ('<?xml version="1.0" encoding="UTF-8"?>\n' + xml("Error", fields)).encode("utf-8", "surrogateescape")

    def ids(self, request_id):
        return [("x-amz-request-id", request_id), ("x-amz-id-2", "host-" + request_id)]

    def error_headers(self, refusal, body):
        return [("x-amz-bucket-region", refusal.fields["Region"])] if "Region" in refusal.fields else []

    def sums(self, made):
        return []

    def part_fields(self, number, part):
        return {"PartNumber": number, "LastModified": iso(part.modified), "ETag": self.quoted(part.etag),
                "Size": len(part.data)}

    def listed(self, key, made):
        return {"Key": key, "LastModified": iso(made.modified), "ETag": self.quoted(made.etag),
                "Size": len(made.data), "StorageClass": "STANDARD"}

    def encoded(self, key, asked):
        return quote_plus(key, safe=self.key_safe) if asked else key

    def _tree(self, body, root):
        try:
            tree = ET.fromstring(bytes(body))
        except ET.ParseError:
            raise Refused(400, "MalformedXML", "the XML is not well-formed") from None
        for node in tree.iter():
            node.tag = node.tag.rsplit("}", 1)[-1]
        if tree.tag != root:
            raise Refused(400, "MalformedXML", f"the root element is not {root}")
        return tree

    def read_complete(self, body):
        """[(number, etag without quotes, {checksums})]."""
        parts = []
        for node in self._tree(body, "CompleteMultipartUpload").findall("Part"):
            number, etag = node.findtext("PartNumber"), node.findtext("ETag")
            if not number or not number.isdigit() or not etag:
                raise Refused(400, "MalformedXML", "a part lacks its number or ETag")
            extra = {c.tag: c.text for c in node if c.tag.startswith("Checksum")}
            parts.append((int(number), etag.strip('"'), extra))
        return parts

    def read_delete(self, body):
        """Keys and quiet."""
        tree = self._tree(body, "Delete")
        keys = [(n.findtext("Key") or "").encode("utf-8", "surrogateescape") for n in tree.findall("Object")]
        return keys, tree.findtext("Quiet") == "true"

    def tagging(self, tags):
        return self.document("Tagging", {"TagSet": {"Tag": [{"Key": n, "Value": v} for n, v in tags.items()]}})

    def read_tagging(self, body):
        return [(n.findtext("Key") or "", n.findtext("Value") or "")
                for n in self._tree(body, "Tagging").findall("TagSet/Tag")]

    def range_refused(self, headers):
        """Is a range that cannot be met an error?  (OSS sends everything instead unless asked not to.)"""
        return True


class S3(Dialect):
    pass


class Oss(Dialect):
    name, prefix = "oss", "x-oss-"
    min_part, list_default, key_safe = 100 << 10, 100, ""
    access_key, secret_key, region = "LTAIhaulfaultkey0001", "haulFaultOssSecret0123456789ab", "cn-hangzhou"
    throttled = (503, "QpsLimitExceeded")
    exists = (409, "FileAlreadyExists")

    def quoted(self, etag):
        return f'"{etag.upper()}"'

    def document(self, name, content):
        return ('<?xml version="1.0" encoding="UTF-8"?>\n' + xml(name, content)).encode("utf-8", "surrogateescape")

    def ids(self, request_id):
        return [("x-oss-request-id", request_id), ("x-oss-server-time", "3")]

    def error_headers(self, refusal, body):
        return [("x-oss-ec", "0002-00000001"), ("x-oss-err", base64.b64encode(body).decode())]

    def sums(self, made):
        return [("x-oss-hash-crc64ecma", str(made.crc64))]

    def part_fields(self, number, part):
        return {**super().part_fields(number, part), "HashCrc64ecma": part.crc64}

    def listed(self, key, made):
        kind = "Multipart" if made.parts else "Normal"
        return {**super().listed(key, made), "StorageClass": "Standard", "Type": kind}

    def range_refused(self, headers):
        return headers.get("x-oss-range-behavior") == "standard"


class Tos(Dialect):
    name, prefix, media = "tos", "x-tos-", "application/json"
    key_safe = ""
    access_key, secret_key, region = "AKLThaulfaultkey0001", "aGF1bCBmYXVsdCBzZXJ2ZXI=", "cn-beijing"
    throttled = (429, "ExceedQPSLimit")
    exists = (409, "FileAlreadyExists")

    def document(self, name, content):
        return json.dumps(plain(content)).encode()

    def error(self, refusal, request_id, resource):
        fields = {"Code": refusal.code, "Message": refusal.message, "RequestId": request_id,
                  "HostId": "host-" + request_id, "Resource": resource, "EC": "0004-00000001"}
        return json.dumps(plain({**fields, **refusal.fields})).encode()

    def ids(self, request_id):
        return [("X-Tos-Request-Id", request_id), ("X-Tos-Id-2", "host-" + request_id)]

    def error_headers(self, refusal, body):
        return [("X-Tos-Ec", "0004-00000001")]

    def sums(self, made):
        return [("X-Tos-Hash-Crc64ecma", str(made.crc64))]

    def listed(self, key, made):
        return {**super().listed(key, made), "HashCrc64Ecma": str(made.crc64)}

    def tagging(self, tags):
        return self.document("Tagging", {"TagSet": {"Tags": [{"Key": n, "Value": v} for n, v in tags.items()]}})

    def read_tagging(self, body):
        return [(each["Key"], each["Value"]) for each in self._json(body)["TagSet"]["Tags"]]

    def _json(self, body):
        try:
            value = json.loads(bytes(body))
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refused(400, "MalformedBody", "the body is not a JSON object")
        return value

    def read_complete(self, body):
        parts = []
        for each in self._json(body).get("Parts", []):
            if not isinstance(each.get("PartNumber"), int) or not isinstance(each.get("ETag"), str):
                raise Refused(400, "MalformedBody", "a part lacks its number or ETag")
            parts.append((each["PartNumber"], each["ETag"].strip('"'), {}))
        return parts

    def read_delete(self, body):
        value = self._json(body)
        return [o["Key"].encode("utf-8", "surrogateescape") for o in value.get("Objects", [])], bool(value.get("Quiet"))


DIALECTS = {d.name: d for d in (S3(), Oss(), Tos())}


def decoded_md5(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 16:
        raise Refused(400, "InvalidDigest", "the Content-MD5 is not valid")
    return raw


def http_date(seconds):
    return formatdate(seconds, usegmt=True)
