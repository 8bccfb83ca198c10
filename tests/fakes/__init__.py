"""Hand-written stand-ins of the ports."""
