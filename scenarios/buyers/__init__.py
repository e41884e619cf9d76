"""The buyers: Locust users, one module each, named in a scenario as `load.buyer`."""
