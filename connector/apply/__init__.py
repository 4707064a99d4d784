"""Carries out a plan through the journal, and settles what a death left open. The only caller of a Writer."""
