"""What can go wrong with the state database, beyond the plain `StoreError`."""

from __future__ import annotations

from connector.errors import StoreError


class StoreBusy(StoreError):  # noqa: N818 - a state, not a fault
    """Another process holds the state database, or it can't be reached now; the transaction was not committed."""

    retryable = True


class StoreFull(StoreError):  # noqa: N818 - a state, not a fault
    """There is no room for the transaction, of which nothing was written; it may be once someone made some."""

    retryable = True


class DamagedRow(StoreError):  # noqa: N818
    """A row of the state database does not hold what this program wrote there."""
