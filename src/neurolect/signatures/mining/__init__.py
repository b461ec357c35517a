"""Frequent sequences: mining, counting, indexing. Arrays only."""
