"""JSON as JavaScript's JSON.stringify writes it, which is the one form in which a certificate is read.

So no key occurs twice, no parser would round a number, and no string has another spelling: no two JSON parsers read
different claims from one file.
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn


def parse(text: str) -> object:
    """The value of this text. Raises ValueError unless JSON.stringify would write it as it is."""

    def refuse(_: str) -> NoReturn:
        raise ValueError("no JSON")

    try:
        value = json.loads(text, parse_constant=refuse)
        if stringify(value) != text:
            raise ValueError("not in the form JSON.stringify writes, every key once")
    except RecursionError as error:
        raise ValueError("too many levels") from error
    return value


def stringify(value: object) -> str:
    """What JSON.stringify writes for this value, if numbers are float64."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(key)}:{stringify(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(stringify, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        try:
            return number(float(value))
        except OverflowError:
            return "null"
    raise TypeError(f"{type(value).__name__} is not JSON")


def _string(text: str) -> str:
    # Half of a surrogate pair is escaped; no UTF-8 could hold it.
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def number(x: float) -> str:
    """Number.prototype.toString of ECMAScript: the shortest digits that give x back, which repr finds as well."""
    if not math.isfinite(x):
        return "null"
    if x == 0:
        return "0"
    sign = "-" if x < 0 else ""
    mantissa, exponent = f"{abs(x)!r}e0".split("e")[:2]
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = int(exponent) + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"
