"""Every notifier keeps the contract, and the registry finds them all."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector.errors import ConfigurationError, OutcomeUnknown, Refused, Unavailable
from connector.notifiers import build, kinds
from connector.notifiers.base import Delivery, Notifier
from connector.notifiers.helpdesk_note import HelpdeskNote
from connector.notifiers.outbox import Outbox
from tests.contract.notifier_contract import MESSAGE, NotifierContract
from tests.desk import World


class TestOutbox(NotifierContract):
    """Messages in memory and in a file."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def notifier(self) -> Notifier:
        """Into memory."""
        self.made = Outbox(self.path / "outbox.jsonl")
        return self.made

    def failing(self) -> Notifier:
        """Its folder is missing."""
        return Outbox(self.path / "missing" / "outbox.jsonl")

    def arrived(self) -> list[str]:
        """What is in memory."""
        return [message.text for message in self.made.messages]

    def test_its_file_is_readable_by_its_owner_alone(self) -> None:
        """0600, one JSON object a line."""
        self.notifier().send(MESSAGE)
        path = self.path / "outbox.jsonl"
        assert (path.stat().st_mode & 0o777, path.read_text().count("\n")) == (0o600, 1)

    def test_a_key_is_delivered_once(self) -> None:
        """The second time it counts as delivered and is not kept again."""
        outbox = self.notifier()
        assert [outbox.send(MESSAGE).delivered for _ in range(2)] == [True, True]
        assert len(self.arrived()) == 1


class TestHelpdeskNote(NotifierContract):
    """A private note on the ticket."""

    def notifier(self) -> Notifier:
        """On a ticket that is there."""
        self.world = World()
        return HelpdeskNote(self.world.desk.reader(), self.world.desk.writer())

    def failing(self) -> Notifier:
        """The ticket is deleted."""
        made = self.notifier()
        self.world.desk.remove("1")
        return made

    def arrived(self) -> list[str]:
        """The notes of the ticket."""
        return [note.text for note in self.world.desk.notes_of("1")]

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (Unavailable("down"), Delivery(delivered=False, retryable=True, error="down")),
            (OutcomeUnknown("cut"), Delivery(delivered=False, uncertain=True, error="cut")),
            (Refused("no"), Delivery(delivered=False, error="no")),
        ],
    )
    def test_each_fault_of_the_helpdesk_is_told_apart(self, error: Exception, expected: Delivery) -> None:
        """Worth another try, uncertain, or final."""
        made = self.notifier()

        def hook(kind: str, number: str, values: Mapping[str, Any]) -> None:
            raise error

        self.world.desk.before_write = hook
        assert made.send(MESSAGE) == expected

    def test_agents_are_mailed_and_others_are_named(self) -> None:
        """The helpdesk refuses to mail a note to anyone but its agents."""
        from dataclasses import replace

        self.notifier().send(replace(MESSAGE, to=("laura@example.com", "North team")))
        assert [mail.to for mail in self.world.desk.outbox] == ["laura@example.com"]
        assert self.arrived()[0].startswith("@ North team\n\n")


class TestApprise(NotifierContract):
    """Apprise, stood in for by a module of its shape."""

    @pytest.fixture(autouse=True)
    def _apprise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        contract = self

        class Service:
            def add(self, url: str) -> bool:
                return "://" in url

            def notify(self, *, title: str, body: str) -> bool:
                if contract.works:
                    contract.sent.append(body)
                return contract.works

        module = ModuleType("apprise")
        module.Apprise = Service  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "apprise", module)

    def notifier(self) -> Notifier:
        """A service that takes everything."""
        self.works = True
        return build("apprise", {"urls": ["json://localhost"]})

    def failing(self) -> Notifier:
        """A service that takes nothing."""
        made = self.notifier()
        self.works = False
        return made

    def arrived(self) -> list[str]:
        """The bodies."""
        return self.sent

    def test_a_no_of_several_services_is_uncertain(self) -> None:
        """Some of them may have taken it: not sent again blindly."""
        made = build("apprise", {"urls": ["json://one", "json://two"]})
        self.works = False
        assert made.send(MESSAGE).uncertain

    def test_a_wrong_address_is_named_by_its_number_not_by_its_secret(self) -> None:
        """Addresses hold tokens."""
        with pytest.raises(ConfigurationError, match="number 2 of 2") as refused:
            build("apprise", {"urls": ["json://fine", "s3cret"]})
        assert "s3cret" not in str(refused.value)


def test_the_registry_finds_every_notifier() -> None:
    """By walking the package."""
    assert set(kinds()) >= {"apprise", "note", "outbox"}


def test_unknown_names_and_options_are_explained() -> None:
    """With what there is."""
    with pytest.raises(ConfigurationError, match="there are apprise, note, outbox"):
        build("pigeon", {})
    with pytest.raises(ConfigurationError, match="has no option ring; it has: path"):
        build("outbox", {"ring": 1})


def test_notes_need_an_account_that_may_be_written_to() -> None:
    """A shadow daemon has no writer."""
    with pytest.raises(ConfigurationError, match="may be written to"):
        build("note", {})
