"""A process that writes to a local log and says so after each write: `python -m tests.adapters.log_writer PATH NAME N`.

What it has said must be in the log, whatever becomes of the process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.ports import Ending
from tests.fakes.plans import a_plan

MODEL, STAGE, ENVIRONMENT = "churn", "prod", "production"


def main(path: str, name: str, count: int) -> None:
    """Write `count` deployments, each with all of its events and an approval."""
    log, plan = LocalLog(Path(path), who=name, clock=SystemClock()), a_plan()
    for number in range(count):
        attempt = f"{name}-{number}"
        started = log.start(plan, attempt, Evidence())
        _say(f"started {attempt}")
        log.placed(plan, started)
        _say(f"placed {attempt}")
        log.finish(plan, attempt, started, Ending("success", f"done {attempt}"))
        _say(f"ended {attempt}")
        log.approve(MODEL, "v3.1.0", STAGE, "c" * 40, attempt)
        _say(f"approved {attempt}")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
