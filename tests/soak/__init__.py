"""Months of a contact centre lived through in minutes, with real processes; the long form with ESCALERA_SOAK=full."""
