"""Protobuf's wire format: cuts a message into its fields, in the one form that glean writes, and writes messages.

A file is worth something only if ONNX Runtime reads the same model from the same bytes. So fields ascend, varints are
minimal, and a field that may occur once occurs at most once; everything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from ..errors import OnnxFormatError

MAX_FIELDS = 100_000


def refuse(problem: str) -> NoReturn:
    raise OnnxFormatError(f"ONNX file: {problem}", {"problem": problem})


@dataclass(frozen=True)
class Field:
    number: int
    # The value of a varint; 0 for any other field.
    value: int
    # The content lies from `start` to before `end`; the tag begins at `begin`.
    begin: int
    start: int
    end: int


class Message:
    """The fields of a message, asked for by number and kind.

    `once` are the numbers of fields that may occur once, `repeated` of those that may occur any number of times.
    """

    def __init__(self, data: bytes, begin: int, end: int, *, once: Iterable[int], repeated: Iterable[int]) -> None:
        self.data = data
        self.fields: list[Field] = []
        one, many = frozenset(once), frozenset(repeated)
        at, last = begin, 0
        while at < end:
            offset = at
            tag, at = varint_at(data, at, end)
            number, wire = tag >> 3, tag & 7
            value, size = 0, 0
            if wire == 0:
                value, at = varint_at(data, at, end)
            elif wire == 2:
                size, at = varint_at(data, at, end)
            elif wire == 5:
                size = 4
            else:
                refuse(f"a field of wire type {wire} (at byte {offset})")
            start, at = at, at + size
            if at > end or len(self.fields) == MAX_FIELDS:
                refuse(f"a field is cut off, or one of more than {MAX_FIELDS} (at byte {offset})")
            if number < last or (number == last and number not in many) or number not in one | many:
                refuse(f"field {number} is unknown, repeated or out of order (at byte {offset})")
            last = number
            self.fields.append(Field(number, value, offset, start, at))

    def all(self, number: int) -> list[Field]:
        return [field for field in self.fields if field.number == number]

    def ints(self, number: int) -> list[int]:
        """Signed 64-bit integers."""
        return [value - (1 << 64) if value >> 63 else value for value in (field.value for field in self.all(number))]

    def integer(self, number: int) -> int:
        return next(iter(self.ints(number)), 0)

    def blobs(self, number: int) -> list[bytes]:
        return [self.data[field.start : field.end] for field in self.all(number)]

    def texts(self, number: int) -> list[str]:
        found = []
        for blob in self.blobs(number):
            try:
                text = blob.decode("utf-8")
            except UnicodeDecodeError:
                refuse("a text is not UTF-8")
            # ONNX Runtime hands text out as C strings, which end at a NUL.
            if "\0" in text:
                refuse("a text holds a NUL character")
            found.append(text)
        return found

    def text(self, number: int) -> str:
        return next(iter(self.texts(number)), "")

    def parts(self, number: int, *, once: Iterable[int] = (), repeated: Iterable[int] = ()) -> list[Message]:
        return [Message(self.data, field.start, field.end, once=once, repeated=repeated) for field in self.all(number)]


def varint_at(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The number at this position, and the position after it."""
    value, begin = 0, at
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if (byte == 0 and shift > 0) or value >> 64:
                break
            return value, at
    refuse(f"a number is cut off, longer than 64 bits, or spelled longer than it need be (at byte {begin})")


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, content: int | bytes | str) -> bytes:
    """One field: an integer as a varint, text and bytes after their length."""
    if isinstance(content, int):
        return varint(8 * number) + varint(content)
    data = content.encode() if isinstance(content, str) else content
    return varint(8 * number + 2) + varint(len(data)) + data
