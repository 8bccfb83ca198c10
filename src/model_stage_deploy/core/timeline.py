"""What was in each stage when: by the tags (decided), and by the deployments (ran). Pure.

The way of one version through the stages is next door, in journey.py.
"""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A version that a stage had for a while. `begin` and `end` are unix seconds; `end` is None where it still is so.

    `source` is the tag that began it, or the id of the deployment.
    """

    stage: str
    version: str
    commit: str
    begin: float
    end: float | None
    source: str
