"""What cetrack costs, measured: ``python -m benchmarks``. See ``benchmarks/RESULTS.md``."""
