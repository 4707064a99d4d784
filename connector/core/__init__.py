"""Decides, and does nothing else: no clock, no files, no network, no chance."""
