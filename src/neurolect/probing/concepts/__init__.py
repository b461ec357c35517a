"""Labelled data as units with a label and a part each: words, pairs of words, sentences."""
