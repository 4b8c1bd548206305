"""LOLA: anticipating the opponent's learning (Foerster et al., AAMAS 2018, arXiv 1709.04326).

`agent` estimates its gradient from episodes, with DiCE; `exact` computes it in closed form for
iterated matrix games.
"""
