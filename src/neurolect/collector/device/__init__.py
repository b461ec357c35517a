"""The same, kept on a GPU."""
