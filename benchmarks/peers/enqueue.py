"""Puts so many orders on the queue of a peer: `python enqueue.py celery 1000`."""

import importlib
import sys

if __name__ == "__main__":
    importlib.import_module(f"{sys.argv[1]}_tasks").enqueue(int(sys.argv[2]))
