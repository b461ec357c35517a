"""Groups of points, how well they agree with known groups, and nearest rows: arrays in, arrays out."""
