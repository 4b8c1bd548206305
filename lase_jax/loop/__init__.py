"""Playing and learning: rollouts, who holds which seat, and the one scan over updates.

Nothing here knows an algorithm by its name.
"""
