"""What the harness learns of the machine and the environment that it runs in."""
