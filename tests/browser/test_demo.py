"""`demo --serve`: what a new user sees first. What is assigned and deployed there really serves."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.browser.conftest import Visit
from tests.browser.served import started
from tests.browser.test_changing import A_DEPLOYMENT, begin, closed, confirm, step
from tests.faces.command_lines import environment

_STORY = 240  # seconds: the whole demo is played first, on a machine that may be busy


def test_from_the_demo_to_what_serves_and_back(tmp_path: Path, visit: Visit) -> None:
    with started(tmp_path, environment(tmp_path), "demo", "--serve", "demo-registry", patience=_STORY) as served:
        page = visit(served.address)
        page.get_by_role("link", name="churn", exact=True).click()
        dialog = begin(page, step(page, "prod"), "Assign")
        confirm(dialog, "Assign v1.4.0 to prod")
        dialog.get_by_role("link", name="Deploy it now").click()
        confirm(dialog, "Deploy")
        dialog.locator("#run .ok").wait_for(timeout=A_DEPLOYMENT)
        assert serves(tmp_path) == "v1.4.0"
        closed(page)
        page.reload()
        assert "deployed" in step(page, "prod").locator(".held").inner_text()

        dialog = begin(page, step(page, "prod"), "Roll back")
        confirm(dialog, "Roll back to v1.2.0")
        dialog.locator("#run .ok").wait_for(timeout=A_DEPLOYMENT)
        assert serves(tmp_path) == "v1.2.0"
        page.goto("about:blank")


def serves(place: Path) -> str:
    """The version that the demo's production server says it serves."""
    mapping = (place / "demo-registry" / ".github" / "model-stages.yml").read_text("utf-8")
    port = mapping.partition('url: "http://127.0.0.1:')[2].partition("/")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/prod/churn", timeout=10) as answer:
        version: str = json.load(answer)["version"]
    return version
