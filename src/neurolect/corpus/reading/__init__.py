"""Reading documents: sources, rows, text columns and metadata fields."""
