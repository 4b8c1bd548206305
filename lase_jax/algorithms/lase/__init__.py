"""LASE: rewards shared by inferred relationships (Kong et al., NeurIPS 2024, arXiv 2410.07863).

`agent` has its settings and puts the parts together, `inference` the social relationship inference
of a rollout, `mind` what one agent makes of a co-player, `counterfactual` equation 3 itself, and
`replay` the episodes that the networks, in `nets`, learn from.
"""
