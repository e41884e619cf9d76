"""What `benchmarks.generator` compares the load generator with."""
