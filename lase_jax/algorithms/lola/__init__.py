"""LOLA: foreseeing the opponent's learning (Foerster et al., AAMAS 2018, arXiv 1709.04326).

`agent` estimates it from episodes, with DiCE; `exact` has the iterated matrix games in closed form.
"""
