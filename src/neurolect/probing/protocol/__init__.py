"""Linguistic correlation analysis as a whole: from labelled data to a folder of everything that it measures."""
