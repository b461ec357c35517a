"""Runs written for others: a site of chunks, Parquet tables, a dataset folder."""
