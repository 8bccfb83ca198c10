"""Other registries that follow this one: a file for each kind, contract.py for what all promise."""
