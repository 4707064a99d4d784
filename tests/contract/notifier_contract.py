"""What every notifier must keep; a test class of each notifier inherits it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from connector.notifiers.base import Delivery, Message, Notifier

MESSAGE = Message(
    key="0123456789abcdef", to=("laura@example.com",), subject="Ticket 1: ladder", text="Look\n\nRef. esc-01234567",
    ticket="1",
)  # fmt: skip


class NotifierContract(ABC):
    """Inherit it, and say how to make a notifier that works, one whose service fails, and how to see what arrived."""

    @abstractmethod
    def notifier(self) -> Notifier:
        """One that delivers."""

    @abstractmethod
    def failing(self) -> Notifier:
        """One whose service can't deliver now."""

    @abstractmethod
    def arrived(self) -> list[str]:
        """The texts that arrived, in order, of the notifier made last."""

    def test_it_has_a_name(self) -> None:
        """By which settings, logs and the journal call it."""
        assert self.notifier().name

    def test_a_message_arrives_once_with_its_text_whole(self) -> None:
        """The reference line included: recovery looks for it."""
        assert self.notifier().send(MESSAGE) == Delivery(delivered=True)
        (text,) = self.arrived()
        assert MESSAGE.text in text

    def test_a_failure_is_an_answer_not_an_exception(self) -> None:
        """Not delivered, with a reason, and either worth another try or uncertain or final: never two of them."""
        delivery = self.failing().send(MESSAGE)
        assert delivery.delivered is False
        assert delivery.error
        assert not (delivery.retryable and delivery.uncertain)

    def test_an_error_names_no_address(self) -> None:
        """Errors stand in logs and in the audit."""
        assert "laura@example.com" not in (self.failing().send(MESSAGE).error or "")
