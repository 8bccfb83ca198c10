"""Sentences and pictures for people, made from outcomes. Nothing is decided here."""
