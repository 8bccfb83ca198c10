"""The webhook receiver as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import requests


def test_it_prints_its_url_and_writes_down_what_it_is_sent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [
        sys.executable,
        "-m",
        "tests.standins.receiver",
        "--port",
        "0",
        "--log",
        str(log),
        "--answers",
        "500,201",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            answers = [requests.post(f"{url}/a?b=c", json={"n": n}, timeout=10).status_code for n in range(3)]
        finally:
            process.terminate()
        assert process.wait(10) == 0
    assert answers == [500, 201, 201]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["method"], line["target"], json.loads(line["body"])) for line in lines] == [
        ("POST", "/a?b=c", {"n": n}) for n in range(3)
    ]
    assert lines[0]["headers"]["content-type"] == "application/json"
