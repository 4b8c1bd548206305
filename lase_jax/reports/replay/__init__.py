"""Replays and reports as web pages: one file each, without a network, for any game and algorithm.

`recording` plays an episode and keeps all that can be shown of it, `pack` makes it small enough for
a page, and `page` puts page.html, page.css and the scripts together with it.
"""
