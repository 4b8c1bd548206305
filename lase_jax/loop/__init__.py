"""Playing and learning: rollouts, the agents on their seats, and the one scan over updates.

Nothing here depends on a particular algorithm.
"""
