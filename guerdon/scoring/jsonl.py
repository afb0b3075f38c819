"""JSON Lines: one record per line, read strictly from any place on and written back."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from guerdon.errors import UserError
from guerdon.scoring.rows import DEEPEST_ROW, LONGEST_ROW, START, Place, Row
from guerdon.text.json_text import deeper_than

BOM = b"\xef\xbb\xbf"
#: Of a row that is too long, this many bytes are kept.
KEPT = 2**16


class Malformed(ValueError):
    """A line that is no record; the message says why."""


@dataclass(frozen=True)
class JsonLines:
    """A JSONL file, plain or gzipped. Blank lines are passed over."""

    path: Path

    unit = "line"
    columns = None
    schema = None

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def gzipped(self) -> bool:
        """Whether the file is compressed."""
        return self.path.suffix == ".gz"

    def fingerprint(self) -> str:
        return file_fingerprint(self.path)

    def rows(self, start: Place = START) -> Iterator[Row]:
        """Every row from a place on.

        Raises:
            UserError: the file cannot be read, is a damaged archive, or holds one JSON array.
        """
        place = start
        try:
            with self._open() as file:
                file.seek(start.offset)
                while line := file.readline(LONGEST_ROW + 1):
                    size = len(line) + (_rest_of_line(file) if len(line) > LONGEST_ROW and line[-1:] != b"\n" else 0)
                    place = Place(place.number + 1, place.offset + size)
                    if line.strip():
                        yield self._row(line, size, place)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{self.name} cannot be read after line {place.number}: {error}") from error

    def _open(self) -> IO[bytes] | gzip.GzipFile:
        return gzip.open(self.path, "rb") if self.gzipped else self.path.open("rb")

    def _row(self, line: bytes, size: int, place: Place) -> Row:
        try:
            if size > LONGEST_ROW:
                raise Malformed(f"longer than {LONGEST_ROW // 2**20} MiB ({size} bytes)")
            return Row(place, parse_record(line.removeprefix(BOM) if place.number == 1 else line), size=size)
        except Malformed as fault:
            if place.number == 1 and line.removeprefix(BOM).lstrip()[:1] == b"[":
                raise UserError(
                    f"{self.name} holds a JSON array; it must hold one JSON object per line. "
                    "Convert it, for example with: jq -c '.[]'"
                ) from None
            kept = line if size <= LONGEST_ROW else line[:KEPT]
            return Row(place, {}, str(fault), kept.decode("utf-8", "backslashreplace").rstrip("\r\n"), size)

    def share(self, place: Place) -> float | None:
        size = self.path.stat().st_size
        return None if self.gzipped else place.offset / size if size else 1.0


def _rest_of_line(file: IO[bytes] | gzip.GzipFile) -> int:
    """The bytes passed over up to the end of the line."""
    passed = 0
    while more := file.readline(LONGEST_ROW):
        passed += len(more)
        if more.endswith(b"\n"):
            break
    return passed


def file_fingerprint(path: Path) -> str:
    """The SHA-256 of a file, 16 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def parse_record(line: bytes) -> dict[str, Any]:
    """One line of JSONL as a record. NaN and Infinity, which Python writes, are read as it does.

    Raises:
        Malformed: not UTF-8, not JSON, not an object, a key given twice, text that is no Unicode, or nested too deeply.

    >>> parse_record(b'{"prompt": "2+2?", "completion": "4"}')
    {'prompt': '2+2?', 'completion': '4'}
    """
    try:
        record = _decoder.decode(line.decode("utf-8").strip())
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8: byte {error.start + 1} is {line[error.start]:#04x}") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}") from None
    except RecursionError:
        raise Malformed(f"nested deeper than {DEEPEST_ROW} levels") from None
    except ValueError as error:
        raise error if isinstance(error, Malformed) else Malformed(f"not readable: {error}") from None
    if not isinstance(record, dict):
        raise Malformed(f"a JSON {_json_type(record)}, not an object")
    if line.count(b"{") + line.count(b"[") > DEEPEST_ROW and deeper_than(record, DEEPEST_ROW):
        raise Malformed(f"nested deeper than {DEEPEST_ROW} levels")
    if b"\\u" in line and (b"\\ud" in line or b"\\uD" in line):
        _check_unicode(line, record)
    return record


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise Malformed(f"key {twice!r:.80} is given twice")
    return record


_decoder = json.JSONDecoder(object_pairs_hook=_unique)


def _json_type(value: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _check_unicode(line: bytes, record: dict[str, Any]) -> None:
    try:
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed(
            f"text with half a surrogate pair, {error.object[error.start]!a}, which no Unicode text holds"
        ) from None


# -- writing ----------------------------------------------------------------------------------------------------------


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSONL. Numbers that JSON cannot hold (NaN, infinite) become null.

    Raises:
        UserError: a column holds bytes.

    >>> line_of({"a": 1, "b": float("nan")})
    b'{"a": 1, "b": null}\\n'
    """
    try:
        text = _encoder.encode(record)
    except (ValueError, TypeError):
        text = _encoder.encode({key: _speakable(key, value) for key, value in record.items()})
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace") + b"\n"


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def _speakable(column: str, value: Any) -> Any:
    """``value`` as JSON can say it: dates in ISO format, decimals as text, what is no number as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _speakable(column, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_speakable(column, item) for item in value]
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, timedelta)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        raise UserError(f"column {column!r} holds bytes, which JSON cannot; write Parquet: --out FILE.parquet")
    return value
