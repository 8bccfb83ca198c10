"""The watch that all these tests rest on: what no page may do is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.accessibility import barriers
from tests.browser.conftest import Readers

NAUGHTY = """\
<!doctype html><html lang="en"><title>x</title>
<meta http-equiv="Content-Security-Policy" content="style-src 'none'">
<p style="color: red">x</p><img src="http://example.com/x.png">
<script>alert(1); window.open('about:blank'); nothing.there</script></html>
"""


def test_what_no_page_may_do_is_noticed(readers: Readers, tmp_path: Path) -> None:
    place = tmp_path / "naughty.html"
    place.write_text(NAUGHTY, encoding="utf-8")
    with pytest.raises(AssertionError) as noticed, readers() as reader:
        assert any("image-alt" in told for told in barriers(reader.open(place.as_uri())))
    told = str(noticed.value)
    for seen in ("Content Security Policy", "another host: http://example.com", "dialog: alert: 1", "nothing is not"):
        assert seen in told
