"""Skip n-grams of the lists."""
