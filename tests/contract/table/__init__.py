"""A third approach, as small as one can be: the queue is the table of orders itself."""
