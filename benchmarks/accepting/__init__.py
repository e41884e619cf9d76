"""What `benchmarks.accept` compares the API with, and the requests that it sends."""
