"""Whether what a deployer saw is what should run."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.seen import Seen

RUNS = Seen("m", "prod", "v1.0.0", "shell", "running")


@pytest.mark.parametrize(
    ("seen", "agrees"),
    [
        (RUNS._replace(version="v1.0.0"), True),
        (RUNS._replace(version="1.0.0"), True),
        (RUNS._replace(version="v1.0.1"), False),
        (RUNS, None),
        (RUNS._replace(state="starting", version="v2.0.0"), None),
        (RUNS._replace(state="unknown"), None),
        (RUNS._replace(state="stopped"), False),
        (RUNS._replace(state="absent"), False),
        (RUNS._replace(state="failed"), False),
        (RUNS._replace(expected="", version="v1.0.0"), False),
        (RUNS._replace(expected="", state="stopped"), True),
        (RUNS._replace(expected="", state="absent"), True),
        (RUNS._replace(expected="", state="failed"), False),
        (RUNS._replace(version="v2.0.0", problem="it did not answer"), None),
        (Seen("m", "prod"), None),
    ],
)
def test_it_agrees_only_where_that_is_seen(seen: Seen, agrees: bool | None) -> None:
    assert seen.agrees is agrees
