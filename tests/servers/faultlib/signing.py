"""Verifies request signatures: AWS4, OSS4, TOS4 and OSS V1.

Written from the providers' descriptions, independently of the signer under test, and checked against
published vectors (`fault.py --check-vectors`).  A verifier is stricter than a provider where that
finds mistakes: every header of the provider's own family must be signed, whatever the provider does.
"""
import base64
import datetime
import hashlib
import hmac
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote_to_bytes

EMPTY_HASH = hashlib.sha256(b"").hexdigest()
SKEW = datetime.timedelta(minutes=15)


class Refused(Exception):
    """A request that is turned away: HTTP status, provider's code, and what to tell."""

    def __init__(self, status, code, message, **fields):
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, fields


class Scheme:
    """The four differences between the V4 family."""

    def __init__(self, name, algorithm, seed, service, terminator, prefix):
        self.name, self.algorithm, self.seed = name, algorithm, seed
        self.service, self.terminator, self.prefix = service, terminator, prefix


AWS4 = Scheme("aws4", "AWS4-HMAC-SHA256", b"AWS4", "s3", "aws4_request", "x-amz-")
OSS4 = Scheme("oss4", "OSS4-HMAC-SHA256", b"aliyun_v4", "oss", "aliyun_v4_request", "x-oss-")
TOS4 = Scheme("tos4", "TOS4-HMAC-SHA256", b"", "tos", "request", "x-tos-")

# Query parameters that OSS V1 signs, besides everything that begins with x-oss-.
SUB_RESOURCES = frozenset("""acl append bucketInfo callback callback-var cloudboxes comp continuation-token cors
    delete endTime lifecycle live location logging objectMeta partNumber policy position qos referer regionList
    replication resourceGroup response-cache-control response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires restore security-token sequential startTime
    stat status style styleName symlink tagging uploadId uploads versionId versioning versions vod website""".split())


def encode(value, safe=""):
    """RFC 3986, upper-case hex; `value` is text or bytes."""
    return quote(value, safe=safe + "-_.~")


def canonical_v4(scheme, method, path, query, headers, signed, payload):
    """The canonical request.  `path` is encoded, `query` decoded pairs, `signed` the header names
    that take part; for OSS4 `headers["additional"]` is not used: see `oss_names`."""
    if scheme is TOS4:
        pairs = [(encode(k), encode(v or "")) for k, v in sorted(query, key=lambda p: p[0].encode())]
    else:
        pairs = sorted((encode(k), encode(v or "")) for k, v in query)
    text = "&".join(k if scheme is OSS4 and not v else f"{k}={v}" for k, v in pairs)
    names = sorted(signed[0] if scheme is OSS4 else signed)
    squeeze = (lambda s: s.strip()) if scheme is OSS4 else (lambda s: " ".join(s.split()))
    lines = "".join(f"{name}:{squeeze(headers[name])}\n" for name in names)
    listed = ";".join(sorted(signed[1]) if scheme is OSS4 else names)
    return "\n".join([method, path, text, lines, listed, payload])


def oss_names(headers, additional):
    """OSS4: the headers that take part, and those of them that are listed."""
    own = {n for n in headers if n.startswith("x-oss-") or n in ("content-type", "content-md5")}
    return own | set(additional), [n for n in additional if n not in own]


def sign_v4(scheme, secret, when, region, service, canonical):
    """String to sign and signature."""
    scope = [when[:8], region, service, scheme.terminator]
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    text = "\n".join([scheme.algorithm, when, "/".join(scope), digest])
    key = scheme.seed + secret.encode()
    for step in scope:
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return text, hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def sign_oss1(secret, method, resource, query, headers, date):
    """String to sign and signature of OSS V1; `resource` is "/bucket/key", not encoded."""
    own = "".join(f"{n}:{headers[n].strip()}\n" for n in sorted(headers) if n.startswith("x-oss-"))
    signed = sorted((k, v) for k, v in query if k in SUB_RESOURCES or k.startswith("x-oss-"))
    if signed:
        resource += "?" + "&".join(f"{k}={v}" if v else k for k, v in signed)
    text = "\n".join([method, headers.get("content-md5", ""), headers.get("content-type", ""), date, own + resource])
    raw = text.encode("utf-8", "surrogateescape")
    return text, base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha1).digest()).decode()


def check_skew(when, now):
    if abs(now - when) > SKEW:
        raise Refused(403, "RequestTimeTooSkewed", "the request's time is too far from the server's",
                      ServerTime=now.strftime("%Y-%m-%dT%H:%M:%S.000Z"))


def mismatch(text, canonical=""):
    return Refused(403, "SignatureDoesNotMatch", "the signature does not agree with the one calculated here",
                   StringToSign=text, CanonicalRequest=canonical)


def check_token(keys, headers, name):
    """Temporary credentials: the token must be the one that belongs to the key, and still be good."""
    wanted, sent = keys.get("token"), headers.get(name)
    if keys.get("expired"):
        raise Refused(keys.get("status", 400), "ExpiredToken", "the provided token has expired")
    if (wanted or "") != (sent or ""):
        raise Refused(403, "InvalidToken", "the security token is not the one of this access key")


def key_of(credentials, access_key):
    for keys in credentials:
        if keys["access_key"] == access_key:
            return keys
    raise Refused(403, "InvalidAccessKeyId", "no such access key", AWSAccessKeyId=access_key)


def fields_of(rest):
    fields = {}
    for piece in rest.split(","):
        name, _, value = piece.strip().partition("=")
        fields[name] = value
    return fields


def verify_v4(scheme, request, credentials, region, now, service=None):
    """Raises Refused unless the request is signed as it must be; returns the payload hash it claims."""
    headers, prefix = request.headers, scheme.prefix
    authorization = headers.get("authorization", "")
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != scheme.algorithm:
        raise Refused(403, "AccessDenied", "no authorization this bucket understands")
    fields = fields_of(rest)
    scope = fields.get("Credential", "").split("/")
    if len(scope) != 5 or scope[3:] != [service or scheme.service, scheme.terminator]:
        raise Refused(400, "AuthorizationHeaderMalformed", "the credential's scope is malformed")
    when = headers.get(prefix + "date", "")
    try:
        check_skew(datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc), now)
    except ValueError:
        raise Refused(403, "AccessDenied", f"{prefix}date is missing or malformed") from None
    if scope[1] != when[:8]:
        raise Refused(403, "SignatureDoesNotMatch", "the scope's day is not that of the date")
    if scope[2] != region:
        raise Refused(400, "AuthorizationHeaderMalformed",
                      f"the region '{scope[2]}' is wrong; expecting '{region}'", Region=region)
    keys = key_of(credentials, scope[0])
    check_token(keys, headers, prefix + "security-token")
    payload = headers.get(prefix + "content-sha256")
    if payload is None and scheme is not TOS4:
        raise Refused(400, "MissingSecurityHeader", f"{prefix}content-sha256 is missing")
    if scheme is OSS4 and payload != "UNSIGNED-PAYLOAD":
        raise Refused(400, "InvalidArgument", "x-oss-content-sha256 must be UNSIGNED-PAYLOAD")
    if scheme is OSS4:
        additional = [n for n in fields.get("AdditionalHeaders", "").split(";") if n]
        if "AdditionalHeaders" in fields and not additional:
            raise Refused(400, "InvalidArgument", "AdditionalHeaders is empty")
        signed = oss_names(headers, additional)
    else:
        signed = [n for n in fields.get("SignedHeaders", "").split(";") if n]
        if signed != sorted(set(signed)):
            raise Refused(403, "SignatureDoesNotMatch", "SignedHeaders is not sorted")
        needed = {"host"} | {n for n in headers if n.startswith(prefix)}
        if needed - set(signed):
            raise Refused(403, "AccessDenied", "there are headers that were not signed",
                          HeadersNotSigned=", ".join(sorted(needed - set(signed))))
    names = signed[0] if scheme is OSS4 else signed
    if any(n not in headers for n in names):
        raise Refused(403, "SignatureDoesNotMatch", "a signed header is not there")
    if scheme is OSS4:
        path = "/" + (encode(request.bucket) + "/" + encode(request.key, "/") if request.bucket else "")
    else:
        path = encode(unquote_to_bytes(request.path), "/")
    canonical = canonical_v4(scheme, request.method, path, request.query, headers, signed, payload or EMPTY_HASH)
    text, signature = sign_v4(scheme, keys["secret_key"], when, region, scope[3], canonical)
    if not hmac.compare_digest(signature, fields.get("Signature", "")):
        raise mismatch(text, canonical)
    return payload


def verify_oss1(request, credentials, now):
    headers = request.headers
    word, _, rest = headers.get("authorization", "").partition(" ")
    access_key, _, sent = rest.partition(":")
    if word != "OSS" or not sent:
        raise Refused(403, "AccessDenied", "no authorization this bucket understands")
    date = headers.get("x-oss-date") or headers.get("date") or ""
    try:
        check_skew(parsedate_to_datetime(date), now)
    except (TypeError, ValueError):
        raise Refused(403, "AccessDenied", "the date is missing or malformed") from None
    keys = key_of(credentials, access_key)
    check_token(keys, headers, "x-oss-security-token")
    resource = "/" + (request.bucket + "/" if request.bucket else "")
    resource += request.key.decode("utf-8", "surrogateescape") if request.key else ""
    text, signature = sign_oss1(keys["secret_key"], request.method, resource, request.query, headers, date)
    if not hmac.compare_digest(signature, sent):
        raise mismatch(text)


def verify(dialect, request, credentials, region, now):
    """`dialect` is s3, oss or tos; OSS takes both of its signatures."""
    if dialect == "oss" and request.headers.get("authorization", "").startswith("OSS "):
        return verify_oss1(request, credentials, now)
    return verify_v4({"s3": AWS4, "oss": OSS4, "tos": TOS4}[dialect], request, credentials, region, now)
