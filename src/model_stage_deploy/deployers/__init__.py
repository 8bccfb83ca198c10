"""Deployers: one file each behind contract.py; catalogue.py finds them by name."""
