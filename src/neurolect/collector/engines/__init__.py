"""Where passes run: worker processes of this machine, or Ray; merging what they found."""
