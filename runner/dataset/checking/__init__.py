"""Whether a row can be trained on, and what tells it from others."""
