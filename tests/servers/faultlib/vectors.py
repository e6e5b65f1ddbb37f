"""Holds the verifier of signatures against known answers."""
import datetime
import json

from . import signing

SCHEMES = {"AWS4": signing.AWS4, "OSS4": signing.OSS4, "TOS4": signing.TOS4}


class Asked:
    """What a verifier looks at."""

    def __init__(self, vector):
        self.method, self.path, self.bucket = vector["method"], vector["path"], vector["bucket"]
        self.key = (vector["key"] or "").encode()
        self.query = [(k, v) for k, v in vector["query"]]
        self.headers = dict(vector["headers"])


def recompute(vector):
    """Canonical request (None for OSS V1), string to sign and signature."""
    scheme = SCHEMES.get(vector["algorithm"][:4])
    if not scheme:
        date = vector.get("expires") or vector["headers"].get("x-oss-date") or vector["headers"].get("date")
        resource = "/" + (vector["bucket"] + "/" if vector["bucket"] else "") + vector["key"]
        text, signature = signing.sign_oss1(vector["secret_key"], vector["method"], resource, vector["query"],
                                            vector["headers"], date)
        return None, text, signature
    path, signed = vector["path"], vector["signed_headers"]
    if scheme is signing.OSS4:
        bucket = vector["bucket"]
        path = "/" + (signing.encode(bucket) + "/" + signing.encode(vector["key"], "/") if bucket else "")
        signed = signing.oss_names(vector["headers"], [n.lower() for n in vector["additional_headers"] or []])
    canonical = signing.canonical_v4(scheme, vector["method"], path, vector["query"], vector["headers"], signed,
                                     vector["payload_hash"])
    text, signature = signing.sign_v4(scheme, vector["secret_key"], vector["date"], vector["region"],
                                      vector["service"], canonical)
    return canonical, text, signature


def accepts(vector, headers=None, path=None):
    """Does the verifier let the request of the vector through?"""
    asked = Asked(vector)
    asked.headers["authorization"] = vector["expected_authorization"]
    asked.headers.update(headers or {})
    if path:
        asked.path, asked.key = path, asked.key + b"x"
    keys = [{"access_key": vector["access_key"], "secret_key": vector["secret_key"], "token": vector["session_token"]}]
    date = vector["date"]
    now = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    try:
        scheme = SCHEMES.get(vector["algorithm"][:4])
        if scheme:
            signing.verify_v4(scheme, asked, keys, vector["region"], now, vector["service"])
        else:
            signing.verify_oss1(asked, keys, now)
        return True
    except signing.Refused as refusal:
        accepts.why = refusal
        return False


def flipped(authorization):
    """The same with one character of the signature changed."""
    at = -2
    return authorization[:at] + ("0" if authorization[at] != "0" else "1") + authorization[at + 1:]


def whole_request(vector):
    """Is it a request as a store gets it, signature in a header?  Others test the algorithm alone."""
    if vector["auth_location"] != "header" or vector["service"] == "service":
        return False
    return vector["provider"] != "s3" or "x-amz-content-sha256" in vector["headers"]


def problems_of(vector):
    """Yields what is wrong with the verifier's view of one vector."""
    canonical, text, signature = recompute(vector)
    if canonical != vector["expected_canonical_request"]:
        yield "canonical request"
    if text != vector["expected_string_to_sign"]:
        yield "string to sign"
    if signature != vector["expected_signature"]:
        yield "signature"
    if not whole_request(vector):
        return
    if not accepts(vector):
        if accepts.why.code == "AccessDenied" and "not signed" in accepts.why.message:
            return  # the source leaves one of its own headers unsigned, which this server refuses
        yield f"refused ({accepts.why.code}: {accepts.why.message})"
        return
    if accepts(vector, {"authorization": flipped(vector["expected_authorization"])}):
        yield "a wrong signature was let through"
    if accepts(vector, path=vector["path"] + "x"):
        yield "another path was let through"
    prefix = {"s3": "x-amz-", "oss": "x-oss-", "tos": "x-tos-"}[vector["provider"]]
    for name in vector["headers"]:
        if name.startswith(prefix) and accepts(vector, {name: vector["headers"][name] + "1"}):
            yield f"another {name} was let through"
    if accepts(vector, {prefix + "meta-unsigned": "1"}):
        yield "an unsigned header of the provider was let through"


def check(path):
    """Prints every disagreement and a closing line; returns how many there were."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    wrong = 0
    for vector in vectors:
        for problem in problems_of(vector):
            print(f"{vector['id']}: {problem}")
            wrong += 1
    whole = sum(map(whole_request, vectors))
    print(f"{len(vectors)} vectors, {whole} of them whole requests, {wrong} disagreements")
    return wrong
