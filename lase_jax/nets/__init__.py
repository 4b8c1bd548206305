"""Networks that several kinds of agents share, each of one agent; `population` stacks agents."""
