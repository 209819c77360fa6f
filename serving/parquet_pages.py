"""What a Parquet body would take once written out, told from its footer and page headers before any page is read.

A few kilobytes can declare gigabytes: pages that shrink a thousandfold, texts that repeat the one before
(DELTA_BYTE_ARRAY), a footer larger than the data. Nothing of it is allocated before it is found to be in proportion.
Read here and not through pyarrow's metadata, which ends the process on some damaged footers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST_FOOTER_BYTES = 4 * 1024 * 1024
MOST_PAGES = 100_000
BYTES_A_VALUE = 64
BYTES_A_COLUMN = 1024 * 1024
DELTA_BYTE_ARRAY = 7
DEEPEST = 8
# Thrift's compact protocol: kinds of value.
TRUE, FALSE, BYTE, DOUBLE, BINARY, STRUCT, UUID = 1, 2, 3, 7, 8, 12, 13
WHOLE, LISTS = (4, 5, 6), (9, 10)
SIZES = {BYTE: 1, DOUBLE: 8, UUID: 16}
# Numbers of the fields that are looked at, of parquet.thrift.
ROW_GROUPS, COLUMNS, ROWS, CHUNK = 4, 1, 3, 3
VALUES, COMPRESSED, DATA_PAGES, DICTIONARY_PAGE = 5, 7, 9, 11
UNCOMPRESSED_SIZE, COMPRESSED_SIZE = 2, 3
ENCODING_PLACE = {5: 2, 8: 4}
Fields = dict[int, Any]


def check_pages(body: bytes, max_rows: int) -> int:
    """Rows of the file; over `max_rows`, its pages are not looked at.

    Errors: ValueError for a footer or pages out of proportion (over 64 bytes a value), or that cannot be followed.
    """
    try:
        groups = footer(body).get(ROW_GROUPS, [])
        count = sum(max(_whole(group, ROWS), 0) for group in groups)
        if count <= max_rows:
            _check(body, groups)
    except (AttributeError, KeyError, TypeError):
        raise ValueError("the footer is not one of Parquet") from None
    return count


def _check(body: bytes, groups: list[Fields]) -> None:
    pages = 0
    for group in groups:
        most = BYTES_A_VALUE * max(_whole(group, ROWS), 0) + BYTES_A_COLUMN
        for column in group[COLUMNS]:
            size = 0
            for uncompressed in _pages(body, column[CHUNK]):
                pages, size = pages + 1, size + uncompressed
                if size > most or pages > MOST_PAGES:
                    raise ValueError("the pages are too large or too many")


def footer(body: bytes) -> Fields:
    """The fields of the file's metadata. Errors: ValueError for one too large."""
    length = int.from_bytes(body[-8:-4], "little")
    start = len(body) - 8 - length
    if length > MOST_FOOTER_BYTES or start < 0:
        raise ValueError("the footer is too large")
    return _struct(body, start, 0)[0]


def _pages(body: bytes, chunk: Fields) -> Iterator[int]:
    """Size of each page of a column once written out; none for a column without a value."""
    if _whole(chunk, VALUES) <= 0:
        return
    place = _whole(chunk, DATA_PAGES)
    if 0 < chunk.get(DICTIONARY_PAGE, 0) < place:
        place = _whole(chunk, DICTIONARY_PAGE)
    end = place + _whole(chunk, COMPRESSED)
    if not 0 < place <= end <= len(body):
        raise ValueError("a column lies outside the body")
    while place < end:
        header, place = _struct(body, place, 0)
        if any(header.get(kind, {}).get(number) == DELTA_BYTE_ARRAY for kind, number in ENCODING_PLACE.items()):
            raise ValueError("texts as differences from the one before")
        compressed, uncompressed = _whole(header, COMPRESSED_SIZE), _whole(header, UNCOMPRESSED_SIZE)
        if min(compressed, uncompressed) < 0:
            raise ValueError("a page of a negative size")
        place += compressed
        yield uncompressed


def _whole(fields: Fields, number: int) -> int:
    """A whole number that must be there."""
    found = fields.get(number)
    if not isinstance(found, int):
        raise ValueError("a number is missing")
    return found


def _struct(body: bytes, place: int, depth: int) -> tuple[Fields, int]:
    """Whole numbers, structures and lists of a structure, by field; where it ends."""
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    found: Fields = {}
    number = 0
    while byte := body[place]:
        place, kind = place + 1, byte & 15
        if byte >> 4:
            number += byte >> 4
        else:
            number, place = _signed(body, place)
        if kind not in (TRUE, FALSE):
            found[number], place = _value(body, place, kind, depth)
    return found, place + 1


def _value(body: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in WHOLE:
        return _signed(body, place)
    if kind == STRUCT:
        return _struct(body, place, depth + 1)
    if kind == BINARY:
        length, place = _unsigned(body, place)
        return None, place + length
    if kind in LISTS:
        return _list(body, place, depth)
    if kind in SIZES:
        return None, place + SIZES[kind]
    raise ValueError("a field that Parquet does not have")


def _list(body: bytes, place: int, depth: int) -> tuple[list[Any] | None, int]:
    """The values of a list of structures; those of another list are passed over."""
    count, kind, place = body[place] >> 4, body[place] & 15, place + 1
    if count == 15:
        count, place = _unsigned(body, place)
    if count > len(body):
        raise ValueError("a list longer than the body")
    if kind in (TRUE, FALSE, BYTE):
        return None, place + count
    values = []
    for _ in range(count):
        value, place = _value(body, place, kind, depth + 1)
        if kind == STRUCT:
            values.append(value)
    return values, place


def _signed(body: bytes, place: int) -> tuple[int, int]:
    number, place = _unsigned(body, place)
    return (number >> 1) ^ -(number & 1), place


def _unsigned(body: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = body[place]
        number |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return number, place
    raise ValueError("a number too long")
