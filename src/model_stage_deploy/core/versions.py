"""Model versions: strict Semantic Versioning 2.0.0 with the leading `v` that GTO asks for.

Read on every start, so it uses the standard library alone; tests hold it to the `semver` package.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

# https://semver.org/#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string, ASCII digits only (R17)
_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
PATTERN = (
    rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)

Part = Literal["major", "minor", "patch"]
PrecedenceKey = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


class Version(NamedTuple):
    """A version such as `v1.2.3-rc.1+build.5`. To compare two, compare their `precedence`.

    `prerelease` and `build` are the texts after `-` and `+`, empty where there are none.
    """

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    build: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `text`. Raises ValueError unless it is `v` and strict SemVer (rules R6, R7, R17)."""
        if not is_version(text):
            message = f"not a version like v1.2.3: {text[:80]!r}"
            raise ValueError(message)
        plain, _, build = text[1:].partition("+")
        numbers, _, prerelease = plain.partition("-")
        major, minor, patch = (int(number) for number in numbers.split("."))
        return cls(major, minor, patch, prerelease, build)

    def __str__(self) -> str:
        prerelease = f"-{self.prerelease}" if self.prerelease else ""
        build = f"+{self.build}" if self.build else ""
        return f"v{self.major}.{self.minor}.{self.patch}{prerelease}{build}"

    @property
    def precedence(self) -> PrecedenceKey:
        """Sort key of SemVer clause 11; build metadata does not count (B20: the later registration wins)."""
        identifiers = self.prerelease.split(".") if self.prerelease else []
        return (
            self.major,
            self.minor,
            self.patch,
            not identifiers,
            tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in identifiers),
        )

    def bumped(self, part: Part = "patch") -> Version:
        """The next version: `part` grows by one, what follows it is zero; prerelease and build go (R52, R53)."""
        if part == "major":
            return Version(self.major + 1, 0, 0)
        if part == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)


def is_version(text: str) -> bool:
    """Whether `text` is a version like v1.2.3 (R6, R7, R17)."""
    return re.fullmatch(PATTERN, text) is not None


@lru_cache(maxsize=10_000)
def precedence_of(text: str) -> PrecedenceKey:
    """`Version.parse(text).precedence`, quicker: many models share plain versions like v1.0.0. Raises ValueError."""
    numbers = text[1:].split(".")
    if len(numbers) == 3 and all(map(str.isdigit, numbers)):
        return (int(numbers[0]), int(numbers[1]), int(numbers[2]), True, ())
    return Version.parse(text).precedence
