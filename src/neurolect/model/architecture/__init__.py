"""How a network is built, and where its neurons are read and written."""
