"""Damaged input of every kind the program reads; `python -m tests.fuzz` runs a long form and prints the counts."""
