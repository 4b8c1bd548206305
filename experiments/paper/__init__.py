"""Papers that are reproduced and judged: the machine that all share, and a folder for each."""
