"""A run in its folder: settings, parts of training, checkpoints, metrics, devices, results."""
