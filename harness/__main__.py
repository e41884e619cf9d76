"""`python -m harness`: the command line, wherever its script is."""

from harness.cli import main

main()
