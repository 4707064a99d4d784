"""The state database: one contract, plain SQL; SQLite by default, PostgreSQL for a fleet."""

from connector.store.base import AuditEvent, Intent, Mirrored, SavedPlan, Store
from connector.store.opening import open_store
from connector.store.problems import DamagedRow, StoreBusy

__all__ = ["AuditEvent", "DamagedRow", "Intent", "Mirrored", "SavedPlan", "Store", "StoreBusy", "open_store"]
