"""Rankings of neurons for a concept: each method gives an order, scores and signs, and one function the table."""
