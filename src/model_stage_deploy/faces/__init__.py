"""Faces: where a command, a workflow event or an argument list enters, and where the outcome leaves."""
