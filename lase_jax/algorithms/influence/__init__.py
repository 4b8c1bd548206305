"""Social influence as intrinsic motivation (Jaques et al., ICML 2019, arXiv 1810.08647).

`effect` has the measures of influence and the code that its learners share, `model` the model of
other agents; `basic`, `communication` and `moa` are the paper's experiments I, II and III, and
`coordination` measures how well symbols and actions predict actions.
"""
