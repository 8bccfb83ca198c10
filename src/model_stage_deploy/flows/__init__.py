"""Flows: what the tool does, step by step, through the ports."""
