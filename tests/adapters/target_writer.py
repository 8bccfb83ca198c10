"""Keeps one target after the other in a repository, and prints each that is kept, until it is killed.

`python -m tests.adapters.target_writer REPOSITORY`
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.git_targets import open_target_log
from tests.adapters.target_places import a_record
from tests.fakes.plans import a_plan

if __name__ == "__main__":
    with GitSource(GitRepository.open(Path(sys.argv[1])), []) as source:
        log = open_target_log(source)
        for number in count():
            log.add(a_plan(), "writer", [a_record(f"t-{number}")])
            print(f"t-{number}", flush=True)
