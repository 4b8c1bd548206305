"""The figures and tables of Kong et al. 2024, and what remains of each effect beside controls."""
