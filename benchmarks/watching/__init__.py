"""What `benchmarks.events` uses: many watchers in one process, and many orders that end at once."""
