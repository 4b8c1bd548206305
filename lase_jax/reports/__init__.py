"""Statistics, tables, pictures and animations of metrics and episodes."""
