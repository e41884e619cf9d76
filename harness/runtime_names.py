"""The names of the runtimes, for those who only name them: importing one takes long."""

RUNTIMES = ("local", "docker")
