"""What the shop, the load generator and the harness cost: one module per subject.

`python -m benchmarks.<subject>` measures one of them and writes
`benchmarks/results/<subject>.json`; `python -m benchmarks.document` writes
`docs/performance.md` from these files.
"""
