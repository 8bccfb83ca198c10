"""A badge: which version a stage has, as a small SVG for a README, or as JSON for shields.io's endpoint badge.

How it stands is said in a word, and the colour only repeats it. The picture names no font file and no host.
"""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import Lifecycle, State
from model_stage_deploy.core.way import spot_of

MADE_BY = "model-stage-deploy"
"""Stands in every SVG of ours, so that it is known again when it is to be replaced."""
NONE = "none"
"""What a stage without a version has."""
_MOST = 60  # characters of either half
_GREY = "#57606a"
_COLOURS = {
    State.DEPLOYED: "#1a7f37",
    State.FAILED: "#cf222e",
    State.ROLLED_BACK: "#bc4c00",
    State.DEPLOYING: "#9a6700",
    State.APPROVED: "#0969da",
    State.REMOVED: _GREY,
    State.UNKNOWN: "#0969da",
}
"""White text is legible on each (a contrast of 4.5 or more)."""
_WORDS = {State.ROLLED_BACK: "rolled back", State.DEPLOYED: "", State.UNKNOWN: ""}
# Widths in tenths of a pixel at 11 px, of a wide sans-serif; `textLength` makes what is drawn fit, whatever the font.
_WIDTHS = {
    width: set(characters)
    for width, characters in {
        31: "ijl'|",
        41: "ft.,:;!I ",
        50: 'r()[]{}/\\-"',
        58: "csz*^",
        70: "LTJabdeghknopquvxy0123456789_$?F",
        78: "ABCEKPRSVXYZ&",
        87: "DGHNOQU#+=<>~",
        108: "mwMW@%",
    }.items()
}
_WIDE = 110
_PADDING = 6


class Badge(NamedTuple):
    """`label` says of what, `message` which version and how it stands. `title` says both in full."""

    label: str
    message: str
    colour: str
    title: str


def stage_badge(model: str, stage: str, version: str, row: Lifecycle | None, label: str = "") -> Badge:
    """What a stage has. `version` is "" for nothing; `row` is None where nobody knows of deployments.

    `label` is the stage's name unless another one is given.
    """
    message, colour = _standing(version, row)
    return _badge(label or stage, message, colour, f"{model} in {stage}: {message}")


def latest_badge(model: str, version: str, label: str = "") -> Badge:
    """The latest version of a model, "" for none. `label` is the model's name unless another one is given."""
    message = _short(version) or NONE
    return _badge(label or model, message, _COLOURS[State.UNKNOWN] if version else _GREY, f"{model}, latest: {message}")


def _badge(label: str, message: str, colour: str, title: str) -> Badge:
    return Badge(one_line(label, _MOST), one_line(message, _MOST), colour, one_line(title, 4 * _MOST))


def _standing(version: str, row: Lifecycle | None) -> tuple[str, str]:
    """The words and the colour."""
    if row is None:
        return _short(version) or NONE, _COLOURS[State.UNKNOWN] if version else _GREY
    if row.reason is not None and row.holder is None and row.state is State.UNKNOWN:
        return "unknown", _GREY
    spot = spot_of(row)
    decided = _short(version or spot.decided or "")
    words = [" ".join(filter(None, [decided or NONE, _WORDS.get(row.state, row.state.value) if decided else ""]))]
    if row.differs:
        words.append(f"{_short(spot.running or 'nothing')} runs")
    colour = _COLOURS[row.state] if decided or row.differs else _GREY
    return ", ".join(words), _COLOURS[State.ROLLED_BACK] if row.differs and row.state is State.DEPLOYED else colour


def _short(version: str) -> str:
    """A version as it is; the id of a bare commit cut short."""
    return version[:12] if len(version) >= 40 and set(version) <= set("0123456789abcdef") else version


def endpoint(badge: Badge) -> dict[str, Any]:
    """The badge as shields.io's endpoint badge takes it (https://shields.io/badges/endpoint-badge)."""
    return {"schemaVersion": 1, "label": badge.label, "message": badge.message, "color": badge.colour.removeprefix("#")}


def svg(badge: Badge) -> str:
    """The badge as a picture, 20 pixels high. Texts are escaped; it has neither scripts, styles nor links."""
    left, right = (_width(text) for text in (badge.label, badge.message))
    half, whole = left + 2 * _PADDING, left + right + 4 * _PADDING
    title, label, message = (escape(_in_xml(text)) for text in (badge.title, badge.label, badge.message))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" viewBox="0 0 {whole} 20" role="img" '
        f'aria-label="{title}" data-made-by="{MADE_BY}">\n'
        f"<title>{title}</title>\n"
        f'<clipPath id="r"><rect width="{whole}" height="20" rx="3"/></clipPath>\n'
        f'<g clip-path="url(#r)"><rect width="{half}" height="20" fill="#3d444d"/>'
        f'<rect x="{half}" width="{whole - half}" height="20" fill="{badge.colour}"/></g>\n'
        '<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{_PADDING}" y="14" textLength="{left}" lengthAdjust="spacingAndGlyphs">{label}</text>'
        f'<text x="{half + _PADDING}" y="14" textLength="{right}" lengthAdjust="spacingAndGlyphs">{message}</text>'
        "</g>\n</svg>\n"
    )


def _width(text: str) -> int:
    """About how many pixels a text takes."""
    tenths = (next((width for width, held in _WIDTHS.items() if character in held), _WIDE) for character in text)
    return max(1, -(-sum(tenths) // 10))


def _in_xml(text: str) -> str:
    """Without the two characters that are printable to Python and not allowed in XML."""
    return text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
