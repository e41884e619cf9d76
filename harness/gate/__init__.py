"""Is head as good as base? The gate that continuous integration asks."""
