"""A shop that was not made for the harness: tables, paths and words of its own.

It charges at most once: its worker forgets a task before it charges. The tests find that out.
"""
