"""What a report becomes: a page without dependencies, or Markdown; and the live page."""
