"""The documentation: pages that are written, and modules that make the others from the code.

`pages` makes a page for every game and algorithm, `sources` brings files of the repository in,
`boards` and `concepts` draw; `conf` is Sphinx's, `pictures` makes those of the README, `browser` is
what pages are seen in, `notebooks` executes notebooks, and `address` writes where the repository is
into all that name it.
"""
