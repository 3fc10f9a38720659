"""The driver of the comparison: programs that take turns, and the tables made of what they measured."""
