"""What `benchmarks.drain` runs beside the workers: a gateway that costs next to nothing."""
