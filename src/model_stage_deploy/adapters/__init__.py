"""Adapters: one outside library or program per file; wiring.py alone chooses among them."""
