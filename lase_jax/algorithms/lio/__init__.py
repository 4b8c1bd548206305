"""LIO: incentives that are learnt (Yang et al., NeurIPS 2020, arXiv 2006.06051)."""
