"""Every error a user may meet: the class carries the exit code and whether trying again can help."""

from __future__ import annotations


class EscaleraError(Exception):
    """Base of all errors meant for people: printed as one line, never as a traceback.

    `exit_code` is the process exit code of the command-line contract; `retryable` says whether the same call
    may succeed later without anyone changing anything.
    """

    exit_code = 1
    retryable = False


class UsageError(EscaleraError):
    """The command line was used wrongly."""

    exit_code = 64


class ConfigurationError(EscaleraError):
    """A setting, a secret or a mapping pack is missing or wrong."""

    exit_code = 78


class IncompleteError(EscaleraError):
    """Something was not read whole, so nothing may rest on what is absent from it."""

    exit_code = 4


class HeldError(EscaleraError):
    """The guard holds the plan: a person must approve it first."""

    exit_code = 3


class StoreError(EscaleraError):
    """The state database can't be used."""


class HelpdeskError(EscaleraError):
    """The helpdesk did not do what was asked."""


class Unavailable(HelpdeskError):  # noqa: N818 - states, not faults of ours
    """The helpdesk can't answer now; nothing was changed by this call.

    `retry_after` is in elapsed seconds, None where the helpdesk named no time.
    """

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(HelpdeskError):  # noqa: N818
    """A write was sent and no answer came: it may or may not have happened. Re-read before anything else."""


class Refused(HelpdeskError):  # noqa: N818
    """The helpdesk refuses this call for this ticket for good (400, 403, 404, 405)."""

    def __init__(self, message: str, *, status: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class AccountBlocked(HelpdeskError):  # noqa: N818
    """The account as a whole refuses us (bad key, suspended, scope taken away): stop calling it and say so."""
