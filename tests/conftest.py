"""What holds for every test: how Hypothesis searches."""

from __future__ import annotations

from hypothesis import settings

# A slow machine is no defect; a failure prints the line that brings it back.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")
