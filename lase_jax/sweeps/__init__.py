"""Many settings side by side, each a run of its own."""
