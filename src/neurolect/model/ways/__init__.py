"""Ways to run a network: padded, packed, compiled, or in another library.

A new one is a file here, a file in ``trials`` and a line in ``registry``. Names are imported from the files.
"""
