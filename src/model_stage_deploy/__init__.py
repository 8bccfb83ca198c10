"""Deploy the model version that a pushed GTO stage tag names.

Kept light on purpose: heavy libraries load where they are used.
"""

__version__ = "1.0.0"
