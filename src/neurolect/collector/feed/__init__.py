"""From the corpus to batches of model tokens."""
