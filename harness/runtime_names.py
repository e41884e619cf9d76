"""The names of the runtimes, for those who only name them: importing one takes long."""

RUNTIMES = ("local", "docker")
"""Those that deploy."""
ATTACHED = "attached"
"""That which measures what somebody else has deployed."""
