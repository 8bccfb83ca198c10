"""The job summary: an outcome as GitHub Markdown. Foreign text is fenced or escaped, so it stays text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

from model_stage_deploy.core.inert import lines, one_line
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Result
from model_stage_deploy.report.text import headline

_ICONS = {
    "deployed": "✅",
    "planned": "📝",
    "resolved": "🔎",
    "checked": "🔎",
    "written": "📝",
    "undeployed": "🗑️",
    "nothing-to-do": "⚪",
    "failed": "❌",
    "invalid": "❌",
    "refused": "⛔",
    "error": "💥",
    "unrecorded": "⚠️",
    "cancelled": "🛑",
}
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&@:$])")
_TAIL_LINES = 60


def summary(outcome: Outcome, scrub: Callable[[str], str]) -> str:
    """Markdown for the job summary. `scrub` removes secrets from every text before it is escaped."""
    from jinja2 import Environment, StrictUndefined

    # Markdown, not HTML: each value passes `text`, `code` or `fence` below.
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701
    environment.filters |= {
        "text": partial(_text, scrub),
        "code": partial(_code, scrub),
        "fence": partial(_fence, scrub),
    }
    template = environment.from_string(files(__package__).joinpath("summary.md.j2").read_text(encoding="utf-8"))
    return template.render(
        outcome=outcome,
        plan=outcome.plan,
        subject=outcome.subject,
        icon=_ICONS[outcome.result.value],
        headline=headline(outcome),
        url=_link(outcome),
    )


def _link(outcome: Outcome) -> str:
    url = outcome.environment_url if outcome.result is Result.DEPLOYED else ""
    return url if re.fullmatch(r"https?://[^\s<>()\[\]\\\"`|]+", url) else ""


def _text(scrub: Callable[[str], str], value: Any) -> str:
    """Running text: on one line, every character that Markdown could act on escaped."""
    return _MARKUP.sub(r"\\\1", one_line(scrub(str(value)))).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _code(scrub: Callable[[str], str], value: Any) -> str:
    """A code span that the value cannot close, usable in a table cell."""
    plain = one_line(scrub(str(value))).replace("|", "\\|") or " "
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"


def _fence(scrub: Callable[[str], str], value: Any) -> str:
    """A fenced block that the value cannot close: its last lines."""
    shown = "\n".join(lines(scrub(str(value)).rstrip("\n"), _TAIL_LINES))
    ticks = "`" * max(3, max((len(run) for run in re.findall(r"`+", shown)), default=0) + 1)
    return f"{ticks}text\n{shown}\n{ticks}"
