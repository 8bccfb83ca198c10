"""Deploy the model version that a pushed GTO stage tag names, and look after the registry that such tags make.

Kept light on purpose: heavy libraries load where they are used. For Python: `from model_stage_deploy import Registry`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own takes longer to load than the rest of this package's start
if TYPE_CHECKING:
    from model_stage_deploy.faces.api import Registry as Registry

__all__ = ["Registry", "__version__"]
__version__ = "1.0.0"


def __getattr__(name: str) -> object:
    if name == "Registry":
        from model_stage_deploy.faces.api import Registry

        return Registry
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
