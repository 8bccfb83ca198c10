"""import-mlflow: a server, or a proxy before it, that repeats the credentials it was sent; nobody gets to see them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.faces.command_lines import run
from tests.standins.receiver import Answer, Receiver
from tests.standins.registries import GitRepository

PASSWORD = "hunter2-correct-horse"
BASIC = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize("status", [401, 500])
@pytest.mark.parametrize("as_json", [False, True])
def test_credentials_that_come_back_in_an_answer(status: int, as_json: bool, tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "models")
    repository.commit({"a": "a"})
    with Receiver(Answer(status, f"refused: Basic {BASIC}, which is {PASSWORD}".encode())) as server:
        done = run(
            repository.path,
            *("import-mlflow", "churn", *(["--json"] if as_json else [])),
            env={
                "MLFLOW_TRACKING_URI": server.url,
                "MLFLOW_TRACKING_USERNAME": "ann",
                "MLFLOW_TRACKING_PASSWORD": PASSWORD,
                "NO_PROXY": "127.0.0.1",
            },
        )
    assert done.exit_code == 4
    assert "refused: Basic ***, which is ***" in done.err
    for text in (done.out, done.err):
        assert PASSWORD not in text
        assert BASIC not in text
