"""Trains many settings side by side, each as a run of its own."""
