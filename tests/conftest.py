"""What holds for every test: how Hypothesis searches."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A slow machine is no defect; a failure prints the line that brings it back. CI repeats itself, so that what it says
# depends on the change alone; `make test` and `make test-long` look for more each time.
settings.register_profile(
    "house",
    deadline=None,
    print_blob=True,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")
os.environ["GIT_TEST_FSYNC"] = "0"  # see tests/standins/registries.py
