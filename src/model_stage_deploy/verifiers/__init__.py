"""Verifiers: does what was deployed serve? The contract, then one file per verifier."""
