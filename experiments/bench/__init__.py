"""Benchmarks of speed and of what limits it: `python -m experiments.bench`."""
