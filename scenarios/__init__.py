"""Workloads: one TOML file each, and the buyers that act them out."""
