"""What a CI that is neither GitHub's nor GitLab's says of its run: Jenkins, and whoever sets the same variables.

Source: Jenkins' "Using environment variables" (BUILD_URL, BUILD_NUMBER, WORKSPACE, JENKINS_URL), its Git plugin
(GIT_COMMIT) and Branch API plugin (TAG_NAME), the build user vars plugin (BUILD_USER_ID).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.faces.event import WorkflowEvent


def with_plain_facts(event: WorkflowEvent, environ: Mapping[str, str]) -> WorkflowEvent:
    """The event with the tag, the commit, and the run's address, as far as variables tell of them."""
    tag, url = environ.get("TAG_NAME", ""), environ.get("BUILD_URL", "")
    run = event.run
    if url:
        actor = run.actor or environ.get("BUILD_USER_ID", "")
        run = RunFacts(id=environ.get("BUILD_NUMBER", ""), attempt="1", url=url, actor=actor)
    return replace(
        event,
        ref=event.ref or (f"refs/tags/{tag}" if tag and event.in_job else ""),
        commit=event.commit or environ.get("GIT_COMMIT", ""),
        run=run,
    )
