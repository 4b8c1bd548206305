"""LASE: rewards shared by inferred relationships (Kong et al., NeurIPS 2024, arXiv 2410.07863).

`agent` puts the parts together, `inference` infers the social relationships of a rollout, `mind`
has the settings, the predictions and the losses of one agent, `counterfactual` computes equation 3,
and `replay` stores the episodes that the networks, in `nets`, learn from.
"""
