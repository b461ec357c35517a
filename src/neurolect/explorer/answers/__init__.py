"""What is asked of runs, as plain data that JSON can write; no web and no file."""
