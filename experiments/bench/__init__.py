"""How fast it is, and what keeps it from being faster: `python -m experiments.bench`."""
