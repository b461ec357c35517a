"""The index that `find` searches."""
