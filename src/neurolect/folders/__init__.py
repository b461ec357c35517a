"""What all folders that neurolect writes have in common."""
