"""Injects the faults of a run: what each kind does, when, and what became of it."""
