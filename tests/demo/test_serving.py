"""`demo --serve`: the page on a kept registry, from which a deployment really reaches the demo's servers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from model_stage_deploy.demo.kept import marked_port
from model_stage_deploy.demo.story import begin
from tests.faces.command_lines import COMMAND, environment, run
from tests.standins.registries import isolated_environment

pytestmark = pytest.mark.thorough


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo's registry without the story, whose servers' port is taken by somebody else now."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    for name, value in isolated_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        begin(tmp_path / "kept", taken.getsockname()[1])
    return tmp_path / "kept"


@contextmanager
def serving(directory: Path) -> Iterator[dict[str, Any]]:
    """What `demo --serve --json` says, while it serves. It ends with 0 when it is told to."""
    started = subprocess.Popen(
        [*COMMAND, "demo", "--serve", directory.name, "--port", "0", "--json"],
        cwd=directory.parent,
        env=environment(directory.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    try:
        line = started.stdout.readline()
        yield json.loads(line)
    finally:
        started.send_signal(signal.SIGTERM)
        _, said = started.communicate(timeout=20)
    assert started.returncode == 0, said
    assert "Traceback" not in said


def fields(page: str) -> dict[str, str]:
    """What the form of a dialog would post."""
    form = re.search(r'<form[^>]*id="dialog-form".*?</form>', page, re.DOTALL)
    assert form is not None, page
    found = {}
    for tag in re.findall(r"<input\b[^>]*>", form[0]):
        given = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if "name" in given and given.get("type") not in ("checkbox", "radio"):
            found[given["name"]] = given.get("value", "")
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form[0], re.DOTALL):
        chosen = re.search(r'value="([^"]*)"[^>]*selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = unescape(chosen[1]) if chosen else ""
    return found


def test_what_is_deployed_from_the_page_serves(kept: Path) -> None:
    before = marked_port(kept)
    with socket.create_server(("127.0.0.1", before or 0)), serving(kept) as told, requests.Session() as session:
        port, base = marked_port(kept), told["url"].rstrip("/")
        assert port != before
        assert f"127.0.0.1:{port}/" in (kept / ".github" / "model-stages.yml").read_text()
        serves = f"http://127.0.0.1:{port}/staging/fraud"
        assert requests.get(serves, timeout=5).json()["version"] == "v2.3.0"
        assert requests.get(f"http://127.0.0.1:{port}/prod/fraud", timeout=5).json()["version"] == "v2.3.0"

        assert "fraud" in session.get(told["open"], timeout=10).text
        from_page = {"Origin": base, "Sec-Fetch-Site": "same-origin"}
        page = session.get(f"{base}/do/deploy?model=fraud&stage=staging", timeout=10).text
        page = session.post(f"{base}/do/deploy/look", data=fields(page), headers=from_page, timeout=20).text
        page = session.post(f"{base}/do/deploy", data=fields(page), headers=from_page, timeout=20).text
        assert re.search(r"/runs/[\w-]+", page), page
        deadline = time.monotonic() + 30
        while requests.get(serves, timeout=5).json()["version"] != "v3.0.0-rc.1" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert requests.get(serves, timeout=5).json()["version"] == "v3.0.0-rc.1"


def test_only_a_demo_is_served(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    refused = run(tmp_path, "demo", "--serve", "other")
    assert (refused.exit_code, refused.out) == (2, "")
    assert "is not an empty directory" in refused.err
    assert run(tmp_path, "demo", "--serve", "other", "--keep", "x").exit_code == 2
    assert run(tmp_path, "demo", "--port", "0").exit_code == 2
