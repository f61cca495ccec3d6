#!/usr/bin/env python3
"""Reads a dump of an encrypted collection: a second implementation, written from docs/encryption.md alone.

    python reader.py "essaim1-…" tasks < dump.json

The dump is the JSON array of the Kinto collection's records. The records sealed in it come out as a JSON array, in the order
of their ids. What does not open or does not fit is listed on stderr, each with its place, and is left out. Exit code: 0 if all
is well, 1 if something was listed, 2 if nothing could be read. Needs `cryptography` (requirements.txt), and nothing of essaim.

The sections below are those of the document.
"""

import base64
import hashlib
import hmac
import json
import re
import sys
import threading
from decimal import Decimal
from typing import Callable, Iterator, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

VERSION, EPOCH, MOST_VOIDS, MAX_SAFE_INTEGER = 1, 1, 10_000, 2**53 - 1
ZEROS = bytes(32)


class Refused(Exception):
    """Why something is not what the format says."""


def check(fine: object, why: str) -> None:
    if not fine:
        raise Refused(why)


# --- Texts -----------------------------------------------------------------------------------------------------------


def base64url(text: object, length: int | None = None) -> bytes:
    """Without padding, and only as an encoder writes it."""
    check(isinstance(text, str) and re.fullmatch("[A-Za-z0-9_-]*", text), "is not base64url")
    try:
        read = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Refused("is not base64url") from None
    check(base64.urlsafe_b64encode(read).rstrip(b"=").decode() == text, "is not base64url")
    check(length is None or len(read) == length, "is not as long as it should be")
    return read


def no_number(text: str) -> None:
    raise Refused(f"is not JSON: {text}")


# Every number is a double, as in JavaScript.
JSON = json.JSONDecoder(parse_int=float, parse_constant=no_number)
SPACE = re.compile("[ \t\n\r]*")


def value_at(text: str, start: int) -> tuple[object, str, int]:
    """The value that begins there, its text, and where the next token is."""
    try:
        value, end = JSON.raw_decode(text, start)
    except RecursionError:
        raise Refused("is nested deeper than this Python reads") from None
    except ValueError:
        raise Refused("is not JSON") from None
    return value, text[start:end], SPACE.match(text, end).end()


def pieces(text: str, opening: str, closing: str) -> Iterator[tuple[str, str]]:
    """The elements of an array, or the members of an object, as they are written: name and text."""
    at = SPACE.match(text, 0).end()
    check(text[at : at + 1] == opening, f"is not what should begin with {opening}")
    at = SPACE.match(text, at + 1).end()
    separator = opening
    while text[at : at + 1] != closing or separator == ",":
        name = ""
        if opening == "{":
            name, _, at = value_at(text, at)
            check(isinstance(name, str) and text[at : at + 1] == ":", "is not JSON")
            at = SPACE.match(text, at + 1).end()
        _, value, at = value_at(text, at)
        yield name, value
        separator = text[at : at + 1]
        check(separator in (",", closing), "is not JSON")
        if separator == ",":
            at = SPACE.match(text, at + 1).end()
    check(SPACE.match(text, at + 1).end() == len(text), "is not JSON")


def elements(text: str) -> list[str]:
    return [value for _, value in pieces(text, "[", "]")]


def members(text: str) -> dict[str, str]:
    """Of several members with one name the last counts."""
    return dict(pieces(text, "{", "}"))


def value_of(text: str | None) -> object:
    check(text is not None, "lacks a member")
    return value_at(text, 0)[0]


def integer(value: object, most: int = MAX_SAFE_INTEGER) -> int:
    """By its value: 1, 1.0 and 1e0 are one integer."""
    check(isinstance(value, float) and 0 <= value <= most and value == int(value), "has a number that is no integer")
    return int(value)


def number_text(number: float) -> str:
    """As JavaScript writes it."""
    if number == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + exponent
    if len(text) <= point <= 21:
        text += "0" * (point - len(text))
    elif 0 < point <= 21:
        text = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{text}"
    else:
        text = f"{text[0]}{'.' if text[1:] else ''}{text[1:]}e{point - 1:+d}"
    return "-" * sign + text


def string_text(text: str) -> str:
    """As `JSON.stringify` writes it: a half of a surrogate pair is escaped."""
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", json.dumps(text, ensure_ascii=False))


def id_text(text: str) -> str:
    """One text for all spellings of an id: as `JSON.stringify` writes it."""
    value = value_of(text)
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    check(isinstance(value, float) and abs(value) != float("inf"), "has an id that is neither a string nor a number")
    return number_text(value)


# --- The key and what follows from it --------------------------------------------------------------------------------

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Hyphens, dashes, and Unicode's White_Space.
SEPARATORS = re.compile("[-\u2010-\u2015\u2212\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(SHA512(), length, info).derive(secret)


def read_key(text: str) -> bytes:
    as_meant = SEPARATORS.sub("", text).translate({ord(char): char.upper() for char in "abcdefghijklmnopqrstuvwxyz"})
    digits = as_meant.translate(str.maketrans("OIL", "011"))
    check(digits.startswith("ESSA1M1"), "this is not a key")
    digits = digits.removeprefix("ESSA1M1")
    check(len(digits) == 58 and all(digit in CROCKFORD for digit in digits), "this is not a key")
    number = 0
    for digit in digits:
        number = number * 32 + CROCKFORD.index(digit)
    check(number % 4 == 0, "this is a mistyped key")
    checked = (number >> 2).to_bytes(36, "big")
    secret = checked[:32]
    check(checked[32:] == hashlib.sha256(secret).digest()[:4], "this is a mistyped key")
    return secret


class Journal(NamedTuple):
    """What follows from the key and the collection's name. The name is taken as it is: no normalisation."""

    sid: bytes
    page_key: bytes
    server_collection: str

    @staticmethod
    def derive(key: str, name: str) -> "Journal":
        secret = read_key(key)

        def of_name(label: bytes, length: int) -> bytes:
            return expand(secret, label + b"\0" + name.encode(), length)

        collection = base64.b32encode(of_name(b"essaim/collection/1", 16)).decode().rstrip("=").lower()
        epoch_secret = of_name(b"essaim/epoch/1", 32)
        return Journal(of_name(b"essaim/sid/1", 16), expand(epoch_secret, b"essaim/journal/1", 32), f"e-{collection}")

    def page_context(self, epoch: int, position: int) -> bytes:
        return b"essaim page 1\0" + self.sid + epoch.to_bytes(4, "big") + position.to_bytes(8, "big")

    def segment_context(self, epoch: int, name: str) -> bytes:
        return b"essaim segment 1\0" + self.sid + epoch.to_bytes(4, "big") + name.encode()

    def chain_hash(self, position: int, envelope: bytes) -> bytes:
        return hashlib.sha256(b"essaim chain 1\0" + self.sid + position.to_bytes(8, "big") + envelope).digest()

    def open(self, context: bytes, envelope: bytes) -> bytes:
        return open_envelope(self.page_key, context, envelope)


# --- On the server ---------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A page or a segment as the server has it."""

    last_modified: float
    v: object
    e: object
    sealed: object
    is_emptied: bool

    def envelope(self) -> bytes:
        version = integer(self.v)
        check(version == VERSION, f"is of version {version}, which a newer essaim writes")
        epoch = integer(self.e, 2**32 - 1)
        check(epoch == EPOCH, f"is sealed in epoch {epoch}, of which there is no key")
        return base64url(self.sealed)


class Rows:
    """What a Kinto collection holds. Of several rows with one id the latest counts; here each is tried that has content."""

    def __init__(self, texts: list[str]) -> None:
        self.pages: dict[int, list[Row]] = {}
        self.segments: dict[str, list[Row]] = {}
        self.ignored = 0
        for text in texts:
            if not self.add(text):
                self.ignored += 1
        for rows in [*self.pages.values(), *self.segments.values()]:
            rows.sort(key=lambda row: (row.is_emptied, -row.last_modified))

    def add(self, text: str) -> bool:
        """False for tombstones, and for what is neither a page nor a segment."""
        try:
            row = {name: value_of(text) for name, text in members(text).items()}
        except Refused:
            return False
        name = row.get("id")
        if row.get("deleted") is True or not isinstance(name, str):
            return False
        last_modified = row.get("last_modified")
        is_page = re.fullmatch("p[0-9]{12}", name) and name != "p000000000000"
        is_emptied = "ct" not in row and (is_page or "history" not in row)
        sealed = row["ct"] if "ct" in row else row.get("history")
        item = Row(last_modified if isinstance(last_modified, float) else 0.0, row.get("v"), row.get("e"), sealed, is_emptied)
        if is_page:
            self.pages.setdefault(int(name[1:]), []).append(item)
            return True
        try:
            check(name.startswith("s-"), "is no segment")
            base64url(name[2:], 16)
        except Refused:
            return False
        self.segments.setdefault(name, []).append(item)
        return True


# --- An envelope -----------------------------------------------------------------------------------------------------

LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"
CHUNK, TAG = 16_384, 16


def open_envelope(page_key: bytes, context: bytes, envelope: bytes) -> bytes:
    salt, commitment, chunks = envelope[:24], envelope[24:56], envelope[56:]
    derived = expand(page_key, LABEL + salt + context, 76)
    key, base_nonce, expected = derived[:32], int.from_bytes(derived[32:44], "big"), derived[44:]
    check(hmac.compare_digest(commitment, expected), "was sealed with another key or for another place, or was changed")
    aes, plaintext = AESGCM(key), []
    for number in range(len(chunks) // (CHUNK + TAG) + 1):
        nonce = (base_nonce ^ number).to_bytes(12, "big")
        chunk = chunks[number * (CHUNK + TAG) : (number + 1) * (CHUNK + TAG)]
        try:
            plaintext.append(aes.decrypt(nonce, chunk, None))
        except (InvalidTag, ValueError):
            raise Refused("was changed, or cut") from None
    return b"".join(plaintext)


def open_text(journal: Journal, context: bytes, envelope: bytes) -> str:
    try:
        return journal.open(context, envelope).decode()
    except UnicodeDecodeError:
        raise Refused("is not UTF-8") from None


# --- A page's plaintext ----------------------------------------------------------------------------------------------


class Page(NamedTuple):
    position: int
    hash: bytes
    prev: bytes
    t: int
    kind: str
    members: dict[str, str]

    @property
    def name(self) -> str:
        return f"p{self.position:012}"


class Record(NamedTuple):
    position: int
    t: int
    text: str

    def to_json(self, id: str) -> str:
        """The id and the time are those of the journal, and `_status` is a device's own, whatever the text says."""
        inner = {name: value for name, value in members(self.text).items() if name not in ("id", "last_modified", "_status")}
        shown = {"id": id, **inner, "last_modified": str(self.t)}
        return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in shown.items()) + "}"


def read_time(text: str | None) -> int:
    """Any number. Records show its integer part, and no more than JavaScript can count to."""
    t = value_of(text)
    check(isinstance(t, float), "has a time that is no number")
    return int(min(max(t, 0), MAX_SAFE_INTEGER))


def read_object(text: str) -> str:
    check(text.startswith("{"), "has a record that is no object")
    return text


def read_changes(text: str | None) -> list[tuple[str, str | None]]:
    """(id, text of the record or None for its deletion), in order."""
    check(text is not None, "has no changes")
    parts = [elements(change) for change in elements(text)]
    check(all(len(part) >= 2 for part in parts), "has a change that is not whole")
    return [(id_text(part[0]), None if part[1] == "null" else read_object(part[1])) for part in parts]


def open_page(journal: Journal, position: int, row: Row) -> Page:
    envelope = row.envelope()
    inside = members(open_text(journal, journal.page_context(EPOCH, position), envelope))
    prev, device, kind = (value_of(inside.get(name)) for name in ("prev", "d", "k"))
    check(isinstance(device, str) and isinstance(kind, str), "is no page")
    page = Page(position, journal.chain_hash(position, envelope), base64url(prev, 32), read_time(inside.get("t")), kind, inside)
    if kind == "changes":
        read_changes(inside.get("c"))
    elif kind == "snapshot":
        Snapshot.read(page)
    elif kind == "closed":
        place = members(inside.get("destination", ""))
        check(all(isinstance(value_of(place.get(name)), str) for name in ("remote", "bucket", "collection")), "closes without a destination")
    return page


# --- "k": "snapshot" -------------------------------------------------------------------------------------------------


class Snapshot(NamedTuple):
    segments: list[tuple[str, bytes, int]]
    covered: list[bytes]
    history: list[tuple[str, bytes, int, int]]
    digest: bytes

    @staticmethod
    def read(page: Page) -> "Snapshot":
        def listed(name: str) -> list[str]:
            check(name in page.members, f"has no {name}")
            return elements(page.members[name])

        def entry(text: str, numbers: int) -> tuple:
            id, hash, *rest = (value_of(part) for part in elements(text)[: 2 + numbers])
            check(isinstance(id, str) and len(rest) == numbers, "has an entry that is not whole")
            return id, base64url(hash, 32), *map(integer, rest)

        return Snapshot(
            [entry(text, 1) for text in listed("segments")],
            [ZEROS if text == "null" else base64url(value_of(text), 32) for text in listed("covered")],
            [entry(text, 2) for text in listed("history")],
            base64url(value_of(page.members.get("digest")), 32),
        )


def open_segment(journal: Journal, rows: Rows, name: str, hash: bytes) -> bytes:
    why = Refused(f"segment {name} is missing")
    for row in [row for row in rows.segments.get(name, []) if not row.is_emptied]:
        try:
            envelope = row.envelope()
            check(hashlib.sha256(envelope).digest() == hash, "is another than the snapshot lists")
            return journal.open(journal.segment_context(EPOCH, name), envelope)
        except Refused as refused:
            why = Refused(f"segment {name} {refused}")
    raise why


def digest(entries: dict[str, Record]) -> bytes:
    """The ids in the order of the bytes of their JSON texts."""
    whole = hashlib.sha256()
    for id, record in sorted((id.encode(), record) for id, record in entries.items()):
        whole.update(len(id).to_bytes(4, "big") + id + record.position.to_bytes(8, "big"))
        whole.update(hashlib.sha256(record.text.encode()).digest())
    return whole.digest()


def living_at(journal: Journal, rows: Rows, page: Page) -> dict[str, Record]:
    """What lives at a snapshot: all of it, as the snapshot says, or nothing."""
    snapshot, living = Snapshot.read(page), {}
    for name, hash, count in snapshot.segments:
        try:
            entries = elements(open_segment(journal, rows, name, hash).decode())
        except UnicodeDecodeError:
            raise Refused(f"segment {name} is not UTF-8") from None
        check(len(entries) == count, f"segment {name} is not whole")
        for entry in entries:
            parts = elements(entry)
            check(len(parts) >= 4, f"segment {name} has an entry that is not whole")
            record = Record(integer(value_of(parts[1])), read_time(parts[2]), read_object(parts[3]))
            check(0 < record.position < page.position, f"segment {name} has a version that is not before the snapshot")
            check(id_text(parts[0]) not in living, f"segment {name} has a record twice")
            living[id_text(parts[0])] = record
    check(digest(living) == snapshot.digest, "its segments are not what it says")
    following = 1
    for _, _, first, last in snapshot.history:
        check(first == following and last >= first, "its history does not cover the pages before it")
        following = last + 1
    hashes = [hash for hash in snapshot.covered if hash != ZEROS][-1:] or [ZEROS]
    check(following + len(snapshot.covered) == page.position and hashes == [page.prev], "it does not cover the pages before it")
    return living


def covered_by(journal: Journal, rows: Rows, page: Page, list_problem: Callable[[str, str], None]) -> dict[int, bytes]:
    """The hashes of the positions before a snapshot, as far as its history can be read."""
    snapshot, hashes = Snapshot.read(page), {}
    for name, hash, first, last in snapshot.history:
        try:
            raw = open_segment(journal, rows, name, hash)
            check(len(raw) == 32 * (last - first + 1), f"history {name} is not whole")
            hashes.update((first + at, raw[32 * at : 32 * at + 32]) for at in range(last - first + 1))
        except Refused as refused:
            list_problem(page.name, str(refused))
    hashes.update(zip(range(page.position - len(snapshot.covered), page.position), snapshot.covered))
    return hashes


# --- Which page follows ----------------------------------------------------------------------------------------------


class Dump:
    """A whole dump, read: its records, and what is wrong with it."""

    def __init__(self, key: str, name: str, texts: list[str]) -> None:
        self.problems: list[tuple[str, str]] = []
        self.journal, self.rows = Journal.derive(key, name), Rows(texts)
        self.pages = [page for position in sorted(self.rows.pages) for page in self.open_pages(position)]
        self.records, self.base = self.begin()
        self.follow()

    def list_problem(self, place: str, why: str) -> None:
        self.problems.append((place, why))

    def open_pages(self, position: int) -> list[Page]:
        """The first of its rows that opens."""
        why = None
        for row in self.rows.pages[position]:
            if row.is_emptied and not why:
                return []
            try:
                return [open_page(self.journal, position, row)]
            except Refused as refused:
                why = why or str(refused)
        self.list_problem(f"p{position:012}", why)
        return []

    def begin(self) -> tuple[dict[str, Record], Page | None]:
        """At the latest snapshot that is there in full; with nothing, before the first page, where there is none."""
        for page in reversed([page for page in self.pages if page.kind == "snapshot"]):
            try:
                return living_at(self.journal, self.rows, page), page
            except Refused as refused:
                self.list_problem(page.name, str(refused))
        return {}, None

    def follow(self) -> None:
        """Takes over the pages after the base. Where one does not follow, a page before it is missing, or one of the two does not
        belong to the journal: it is listed, and taken over unless nothing follows it and nothing can be missing before it."""
        position, head = (self.base.position, self.base.hash) if self.base else (0, ZEROS)
        covered = covered_by(self.journal, self.rows, self.base, self.list_problem) if self.base else {}
        named = {page.prev for page in self.pages}
        for page in self.pages:
            if self.base and page.position <= self.base.position:
                if covered.get(page.position, page.hash) != page.hash and page is not self.base:
                    self.list_problem(page.name, f"is not the page that {self.base.name} covers")
                continue
            if page.prev != head or page.position - position > MOST_VOIDS:
                self.list_problem(page.name, "does not follow: a page before it is missing, or another")
                if page.position == position + 1 and page.hash not in named:
                    continue
            position, head = page.position, page.hash
            if page.kind == "changes":
                self.apply(page)
            elif page.kind not in ("snapshot", "closed"):
                self.list_problem(page.name, "is of a kind that a newer essaim writes")

    def apply(self, page: Page) -> None:
        for id, text in read_changes(page.members["c"]):
            if text is None:
                self.records.pop(id, None)
            else:
                self.records[id] = Record(page.position, page.t, text)

    def to_json(self) -> str:
        return "[" + ",".join(record.to_json(id) for id, record in sorted(self.records.items())) + "]"


def main(key: str, name: str) -> int:
    try:
        dump = Dump(key, name, elements(sys.stdin.buffer.read().decode()))
    except (Refused, UnicodeDecodeError) as error:
        print(f"nothing can be read: {error}", file=sys.stderr)
        return 2
    for place, why in dump.problems:
        print(f"{place}: {why}", file=sys.stderr)
    if dump.rows.ignored:
        print(f"({dump.rows.ignored} rows are neither pages nor segments, and were ignored)", file=sys.stderr)
    if dump.problems and not dump.pages:
        print("nothing can be read: no page opens. Are these the key and the name?", file=sys.stderr)
        return 2
    sys.stdout.buffer.write(dump.to_json().encode() + b"\n")
    return 1 if dump.problems else 0


def run_deep(work: Callable[[], int]) -> int:
    """Records may be nested deeper than Python usually goes."""
    done: list[int] = []
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(512 << 20)
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    thread.join()
    return done[0] if done else 2


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(run_deep(lambda: main(sys.argv[1], sys.argv[2])))
