"""What an unquoted YAML scalar means by the YAML 1.2 core schema, and whether YAML 1.1 would read it differently."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BOOLEANS_1_1 = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,299})")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,64}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,300}\.[0-9]{0,300}|\.[0-9]{1,300}|[0-9]{1,300}(?=[eE]))(?:[eE][-+]?[0-9]{1,6})?")
_DOUBTFUL = re.compile(
    r"[-+]?0[0-9_]+"  # octal in YAML 1.1, decimal in 1.2
    r"|0o[0-7]+|[-+]?0b[01_]+"
    r"|[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?"
    r"|[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"  # base 60 in YAML 1.1
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


@dataclass(frozen=True, slots=True)
class Plain:
    """The value of an unquoted scalar. `doubtful` where readers differ; the value is then the text as written."""

    value: str | int | float | bool | None
    doubtful: bool = False


def read_plain(text: str) -> Plain:
    """The meaning of an unquoted scalar. Dates stay text."""
    if text in _NULLS:
        return Plain(None)
    if text in _BOOLEANS:
        return Plain(_BOOLEANS[text])
    if _INTEGER.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return Plain(int(text, 16 if "x" in text else 10))
    if len(text) < 2000 and (_BOOLEANS_1_1.fullmatch(text) or _DOUBTFUL.fullmatch(text)):
        return Plain(text, doubtful=True)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return Plain(number) if math.isfinite(number) else Plain(text, doubtful=True)
    return Plain(text)
