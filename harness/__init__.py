"""The harness: deploys an approach, loads it, audits it, and judges its own numbers."""
