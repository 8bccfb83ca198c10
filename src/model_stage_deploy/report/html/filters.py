"""What templates and views make of single values: times, inert texts, addresses, badges. Escaped where Markup."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from markupsafe import Markup

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import Lifecycle, State, seconds
from model_stage_deploy.core.way import spot_of
from model_stage_deploy.report.html import scales
from model_stage_deploy.report.registry import for_people, moment
from model_stage_deploy.report.way import WORDS, running_words

_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f\"<>\\^`{|}]+", re.IGNORECASE)
_OBJECT_ID = re.compile(r"[0-9a-f]{8,64}")
_LINES, _LINE = 400, 10_000
_SHORT = 7


def when(time: float | str | None, zone: str = "+0000", style: str = "full") -> Markup:
    """A `<time>`. `time` is in unix seconds, or ISO 8601; "" and None make a dash.

    `style` is `full` (day, time, zone), `day`, or `ago`: what a reader with scripts sees as "3 days ago". Without
    scripts it is a date, in `zone` as Git wrote it.
    """
    known = seconds(time) if isinstance(time, str) else time
    if known is None and isinstance(time, str) and time.startswith("@"):  # a year that calendars do not hold
        return Markup("<span>{}</span>").format(one_line(time, 40))
    if known is None:
        return Markup('<span class="none">–</span>')
    written = moment(int(known), zone)
    if written.startswith("@"):
        return Markup("<span>{}</span>").format(written)
    shown = written[:10] if style != "full" else _minutes(written)
    return Markup('<time datetime="{}" data-as="{}">{}</time>').format(written, style, shown)


def inert(text: object, limit: int = 2000) -> str:
    """Foreign text on one line, not yet escaped."""
    return one_line(str(text), limit)


def inert_lines(text: str) -> str:
    """Foreign text with its line ends, not yet escaped; what is beyond 400 lines is left out."""
    kept = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    shown = [one_line(line, _LINE) for line in kept[:_LINES]]
    return "\n".join([*shown, f"… {len(kept) - _LINES} more lines"] if len(kept) > _LINES else shown)


def short(commit: str) -> str:
    """A commit's id as people write it; a text that is none is only made inert."""
    return commit[:_SHORT] if _OBJECT_ID.fullmatch(commit) else one_line(commit, 80)


def version(name: str) -> str:
    """A version's name; where that is a commit's id, for want of a registration, its beginning."""
    return name[:_SHORT] if len(name) >= 40 and _OBJECT_ID.fullmatch(name) else one_line(name, 40)


def web(address: str) -> str:
    """The address itself where it is one of http(s) without a password, "" for any other: no link then."""
    if not _WEB_ADDRESS.fullmatch(address):
        return ""
    try:
        parts = urlsplit(address)
        return address if parts.hostname and "@" not in parts.netloc else ""
    except ValueError:
        return ""


def host(address: str) -> str:
    """The host of a web address, for people."""
    return one_line(urlsplit(address).netloc, 80)


def key(*names: str) -> str:
    """An id for an attribute, one for each row of names whatever is in them."""
    return "k" + hashlib.blake2s("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def state(of: State) -> Markup:
    """The badge of a state: a picture and a word."""
    return _BADGES[of]


def badge(words: str, kind: str, icon: str = "") -> Markup:
    """Any other badge. `kind` is one of ok, bad, warn, busy, info, quiet; `icon` a picture's name in base.html.j2."""
    picture = Markup('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>').format(icon) if icon else ""
    return Markup('<span class="badge {}">{}{}</span>').format(kind, picture, one_line(words, 120))


def duration(length: float | None) -> str:
    """Seconds for people, a dash for None."""
    return "–" if length is None else format_duration(round(length, 1 if length < 10 else 0))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 version`, `1,203 versions`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def number(value: float) -> str:
    """A metric's value, short; what is no number in words."""
    if math.isfinite(value):
        return scales.number(value)
    return "not a number" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"


def _minutes(written: str) -> str:
    """ISO 8601 without its seconds: `2026-11-21 23:47 +01:00`."""
    day, time, *zone = for_people(written).split(" ")
    return " ".join([day, time[:5], *("UTC" if part == "+00:00" else part for part in zone)])


_KINDS = {
    State.APPROVED: "info",
    State.DEPLOYING: "busy",
    State.DEPLOYED: "ok",
    State.FAILED: "bad",
    State.ROLLED_BACK: "warn",
    State.REMOVED: "quiet",
    State.UNKNOWN: "quiet",
}
_BADGES: Mapping[State, Markup] = {
    one: badge(WORDS.get(one, one.value), kind, one.value) for one, kind in _KINDS.items()
}


def standing(row: Lifecycle | None) -> Markup:
    """How a stage stands: a badge, and what runs instead where that differs. Empty where nobody asked."""
    if row is None or (row.state is State.REMOVED and row.holder is None):
        return Markup("")
    if row.state is State.UNKNOWN:
        told = state(row.state) if row.problem else Markup("")
        return told + (_runs(f"{row.running.version} is running") if row.running is not None else Markup(""))
    runs = running_words(spot_of(row))
    return state(row.state) + (_runs(runs) if runs else Markup(""))


def _runs(words: str) -> Markup:
    return Markup(' <span class="runs">{}</span>').format(one_line(words, 120))


def place(names: tuple[str, ...]) -> str:
    """`key` for a template, which has the names as a tuple."""
    return key(*names)
