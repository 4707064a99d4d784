"""The register of special escalations that the demonstration leaves beside its page."""

from __future__ import annotations

from connector.demo.record import Demonstration
from connector.demo.run import ACCOUNT, shipped_pack
from connector.mapping.load import load_policy
from connector.reports.register.book import to_xlsx
from connector.reports.register.build import make_register


def workbook(demo: Demonstration, language: str) -> bytes:
    """The workbook's bytes, as of the demonstration's end; the same demonstration gives the same bytes.

    Raises ConfigurationError where the pack is not installed.
    """
    policy = load_policy(shipped_pack(demo.pack))
    register = make_register(demo.register, policy, account=ACCOUNT, as_of=demo.guarded.end, language=language)
    return to_xlsx(register)
