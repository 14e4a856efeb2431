"""Documents: text to plain data, plain data to a frozen model, and everything that is wrong with either."""
