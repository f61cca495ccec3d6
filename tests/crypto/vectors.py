"""Reads the vectors of keys and envelopes with reader.py, for tests; envelopes with `cryptography`'s own Cobblestone-256 as well."""

import json
import pathlib
import sys

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag

from reader import LABEL, Journal, Refused, base64url, expand, open_envelope

VECTORS = pathlib.Path(__file__).parent.parent / "vectors" / "v1"


def load(name: str) -> dict:
    return json.loads((VECTORS / name).read_text())


def context_of(journal: Journal, place: dict) -> bytes:
    if place["kind"] == "page":
        return journal.page_context(place["epoch"], place["position"])
    return journal.segment_context(place["epoch"], place["id"])


def open_elsewhere(key: bytes, context: bytes, envelope: bytes) -> bytes | None:
    try:
        decryptor = Cobblestone256Decryptor(key, context)
        return decryptor.update(envelope) + decryptor.finalize()
    except (InvalidTag, ValueError):
        return None


def open_both(key: bytes, context: bytes, envelope: bytes) -> bytes | None:
    try:
        opened = open_envelope(key, context, envelope)
    except Refused:
        opened = None
    assert opened == open_elsewhere(key, context, envelope)
    return opened


def keys() -> int:
    vectors = load("keys.json")
    for vector in vectors["valid"]:
        for text in [vector["key"], *vector["alsoRead"]]:
            for expected in vector["journals"]:
                journal = Journal.derive(text, expected["collection"])
                assert journal.sid == base64url(expected["sid"])
                assert journal.page_key == base64url(expected["pageKey"])
                assert journal.server_collection == expected["serverCollection"]
    for vector in vectors["invalid"]:
        try:
            Journal.derive(vector["text"], "tasks")
        except Refused:
            continue
        raise AssertionError(vector["comment"])
    return len(vectors["valid"]) + len(vectors["invalid"])


def envelopes() -> int:
    vectors = load("envelopes.json")
    for vector in vectors["valid"]:
        journal, sealed = Journal.derive(vector["key"], vector["collection"]), base64url(vector["ct"])
        context = context_of(journal, vector["place"])
        assert context == base64url(vector["context"]), vector["comment"]
        opened = open_both(journal.page_key, context, sealed)
        assert opened is not None and len(opened) == vector["paddedLength"], vector["comment"]
        assert opened.decode().rstrip(" ") == vector["json"], vector["comment"]
        if vector["place"]["kind"] == "page":
            assert journal.chain_hash(vector["place"]["position"], sealed) == base64url(vector["hash"]), vector["comment"]
    for vector in vectors["invalid"]:
        journal = Journal.derive(vector["key"], vector["collection"])
        try:
            sealed = base64url(vector["ct"])
        except Refused:
            continue
        assert open_both(journal.page_key, context_of(journal, vector["place"]), sealed) is None, vector["comment"]
    return len(vectors["valid"]) + len(vectors["invalid"])


def commitment() -> int:
    vector = load("commitment.json")["envelope"]
    context, salt, chunk = (base64url(vector[name]) for name in ("context", "salt", "chunk"))
    secrets = [base64url(key) for key in vector["keys"]]
    for secret in secrets:
        of_secret = expand(secret, LABEL + salt + context, 76)[44:]
        opened = [open_both(other, context, salt + of_secret + chunk) is not None for other in secrets]
        assert opened == [other == secret for other in secrets]
    return 1


print(json.dumps([keys(), envelopes(), commitment()]))
sys.exit(0)
