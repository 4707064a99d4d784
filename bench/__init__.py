"""Side-by-side figures: `python -m bench.decide`, `python -m bench.cycle`."""
