"""Brings a topology up as containers. Its modules may import the `docker` library."""
