"""Decisions as plain values: no files, no network, no clock, no printing."""
