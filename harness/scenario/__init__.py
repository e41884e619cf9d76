"""A scenario: the workload and the protocol of a campaign, one TOML file in `scenarios/`."""
