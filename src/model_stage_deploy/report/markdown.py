"""GitHub Markdown made of foreign texts: each is escaped, spanned or fenced, and stays a text. Pages fit their limit.

A template of a page is Markdown with one Jinja block for each section; a section stands by itself, so that a page that
is too long loses whole sections and never the end of a fence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from model_stage_deploy.core.inert import lines, one_line

Scrub = Callable[[str], str]
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&@:$])")
_ENCODED = re.compile(r"(?<![A-Za-z0-9])[.\-/]|[.\-/](?![A-Za-z0-9])|[^A-Za-z0-9 .\-/]")
_JOINER = "#8288;"  # U+2060
_READ_LATE = "$:\\"
_TAIL_LINES = 60
_LEFT_OUT = "*Left out, as there is no room for it: {}.*\n"


def page(
    template: str,
    scrub: Scrub,
    values: Mapping[str, Any],
    *,
    limit: int,
    dispensable: Mapping[str, str],
) -> str:
    """The template of this package as Markdown of at most `limit` bytes of UTF-8.

    `scrub` removes secrets from every text before it is escaped. `dispensable` names the sections that may be left out,
    the first one first, and what the page calls each then; those that it does not name go last, from the end.
    """
    return fit(sections(template, scrub, values), limit, dispensable)


def sections(template: str, scrub: Scrub, values: Mapping[str, Any]) -> dict[str, str]:
    """The sections of a template, by name and in their order; those with nothing to say are left out."""
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    # Markdown, not HTML: each value passes one of the filters.
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701
    environment.filters |= {
        "text": partial(text, scrub),
        "code": partial(code, scrub),
        "version": lambda value: code(scrub, value) if value else "nothing",
        "fence": partial(fence, scrub),
        "mermaid": partial(mermaid, scrub),
    }
    read = environment.from_string(files(__package__).joinpath(template).read_text(encoding="utf-8"))
    rendered = {name: "".join(block(read.new_context(dict(values)))) for name, block in read.blocks.items()}
    return {name: told.strip("\n") + "\n" for name, told in rendered.items() if told.strip()}


def fit(told: Mapping[str, str], limit: int, dispensable: Mapping[str, str]) -> str:
    """Sections one below the other, in at most `limit` bytes; says what it left out, if there is room for that."""
    kept, gone = dict(told), list[str]()
    order = [name for name in dispensable if name in kept]
    order += [name for name in reversed(list(kept)) if name not in dispensable]
    while len(whole := _joined(kept, [dispensable.get(name, name) for name in gone]).encode()) > limit and order:
        gone.append(order.pop(0))
        del kept[gone[-1]]
    return whole.decode() if len(whole) <= limit else ""


def _joined(kept: Mapping[str, str], gone: Sequence[str]) -> str:
    return "\n".join([*kept.values(), *([_LEFT_OUT.format(", ".join(gone))] if gone else [])])


def text(scrub: Scrub, value: Any, limit: int = 2000) -> str:
    """Running text: on one line, every character that Markdown could act on escaped."""
    plain = one_line(scrub(str(value)), limit)
    return _MARKUP.sub(r"\\\1", plain).replace("\\<", "&lt;").replace("\\>", "&gt;")


def code(scrub: Scrub, value: Any, limit: int = 2000) -> str:
    """A code span that the value cannot close, usable in a table cell."""
    plain = one_line(scrub(str(value)), limit).replace("|", "\\|") or " "
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"


def fence(scrub: Scrub, value: Any, language: str = "text") -> str:
    """A fenced block that the value cannot close: its last lines."""
    shown = "\n".join(lines(scrub(str(value)).rstrip("\n"), _TAIL_LINES))
    ticks = "`" * max(3, max((len(run) for run in re.findall(r"`+", shown)), default=0) + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def mermaid(scrub: Scrub, value: Any, limit: int = 40) -> str:
    r"""A text for a label between double quotes in a Mermaid picture: all but letters, digits and blanks is encoded.

    Mermaid reads `#NUMBER;` as the character of that number, when all its own markup has been read; but formulas, icons
    and line breaks (`$$`, `fa:`, `\n`) after that, so that an invisible character follows `$`, `:` and the backslash. A
    dot or a hyphen stays between letters and digits only, as labels are read for lists, too.
    """
    return _ENCODED.sub(_encoded, one_line(scrub(str(value)), limit))


def _encoded(found: re.Match[str]) -> str:
    return f"#{ord(found[0])};{_JOINER if found[0] in _READ_LATE else ''}"
