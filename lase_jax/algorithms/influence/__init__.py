"""Social influence as intrinsic motivation (Jaques et al., ICML 2019, arXiv 1810.08647).

`effect` has the measures of influence and what all who learn on it share, `model` the model of
other agents; `basic`, `communication` and `moa` are the paper's experiments I, II and III, and
`coordination` measures what symbols do.
"""
