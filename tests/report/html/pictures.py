"""Looks at a picture (SVG) as a browser would: elements, texts, and whether all of it is within its frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

_ACROSS, _DOWN = ("x", "x1", "x2", "cx"), ("y", "y1", "y2", "cy")


def parsed(picture: str) -> ET.Element:
    """The picture; it must be well-formed, carry no style or script, and lie within its frame."""
    root = ET.fromstring(picture)
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert not re.search(r"style=|<script|<style|\son\w+=|href", re.sub(r">[^<]*<", "><", picture))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert set(str(root.get("aria-labelledby")).split()) <= set(ids)
    _, _, width, height = map(float, str(root.get("viewBox")).split())
    assert all(0 <= x <= width for x in _numbers(root, _ACROSS))
    assert all(0 <= y <= height for y in _numbers(root, _DOWN))
    for element in root.iter("rect"):
        assert float(element.get("width", "-1")) > 0
        assert float(element.get("x", "-1")) + float(element.get("width", "0")) <= width + 1e-6
    for element in root.iter("polyline"):
        for point in str(element.get("points")).split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    return root


def _numbers(root: ET.Element, names: tuple[str, ...]) -> Iterator[float]:
    for element in root.iter():
        for name in names:
            if element.get(name) is not None:
                yield float(element.get(name, "nan"))


def texts(root: ET.Element, kind: str) -> list[str]:
    """Texts of the elements that have this class."""
    return ["".join(element.itertext()) for element in root.iter() if kind in element.get("class", "").split()]


def titles(root: ET.Element, kind: str) -> list[str]:
    """What one reads when pointing at the elements that have this class."""
    return [str(element.findtext("title")) for element in root.iter() if kind in element.get("class", "").split()]
