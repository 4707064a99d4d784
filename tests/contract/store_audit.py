"""What every store promises of the audit beyond appending: signatures, erasure, pruning."""

# ruff: noqa: PT012 - what is expected to raise is a whole transaction

from __future__ import annotations

from dataclasses import replace

import pytest

from connector import audit
from connector.audit.sign import Signer, Standing, sign, verify_signed
from connector.core.model import Memory, Outcome, Ticket
from connector.core.records import Escalation
from connector.errors import StoreError
from connector.store import versions
from connector.store.base import Mirrored, SavedPlan, Signature, Store
from connector.store.chain import event_hash
from connector.store.codec import instant_text
from connector.store.erasure import MASK
from connector.store.problems import DamagedRow
from connector.store.sqlite import SqliteStore
from tests.contract.store_samples import FULL_ACTION, FULL_MEMORY, FULL_TICKET, T0, at, intent, row

KEY = "k" * 64
WHO = {"by": "dpo", "reason": "request 17"}
#: Everything the samples tell of the customer of ticket 1042.
OF_THE_CUSTOMER = ("José Ibáñez", "jose@example.com", "0000 0000", "licuadora no funciona", "ACME", "C-1")


def fill(store: Store) -> None:
    """A customer's ticket everywhere, and another's beside it."""
    outcome = {"outcome": "done", "why": "José Ibáñez called"}
    with store.transaction():
        store.put("mx", [Mirrored(FULL_TICKET, FULL_MEMORY, at(5)), row("2", 9)])
        one = intent("i1", ticket="1042")
        store.begin_intent(replace(one, action=replace(FULL_ACTION, id="i1", text="Estimado José Ibáñez")))
        store.update_intent(
            "mx", "i1", outcome=Outcome.DONE, step=1, at=T0, observed={"why": "José Ibáñez", "attempt": 2}
        )
        store.append_audit("mx", T0, "policy", {"policy": "p" * 64})
        store.append_audit("mx", T0, "outcome", outcome, ticket="1042")
        store.append_audit("mx", T0, "outcome", {"outcome": "done", "mails": "jose@example.com"}, ticket="2")
        store.append_audit("cl", T0, "outcome", {"outcome": "done"}, ticket="1042")
        body = {"situation": "s", "customer": "José Ibáñez", "email": "jose@example.com", "level": 2}
        cause = {"cause": "spare part", "evidence": {"phrase": "la licuadora no funciona"}}
        store.put_escalation("mx", Escalation("e1", "1042", "tab", T0, body, cause=cause, comments="José Ibáñez: ACME"))
        held = {"plan": "d" * 64, "actions": [{"ticket": "1042", "text": "José Ibáñez"}]}
        store.save_plan(SavedPlan("d" * 64, "mx", "held", held, T0, at(99)))
        store.save_plan(SavedPlan("e" * 64, "mx", "held", {"actions": [{"ticket": "2"}]}, T0, at(99)))
        store.set_fact("mx", "seen", {"last": "jose@example.com called"}, T0)


def told(store: Store) -> str:
    """Everything a person could read in the state, as one text."""
    found = [repr(list(store.scan("mx"))), repr(store.intents("mx", since=at(-1))), repr(list(store.escalations("mx")))]
    found += [repr(store.plans()), repr(list(store.audit())), repr(store.fact("mx", "seen"))]
    return " ".join(found)


class StoreAudit:
    """Needs the fixtures of `StoreContract`."""

    def test_a_signature_comes_back_and_never_goes_back(self, store: Store) -> None:
        """The newest one stays, whichever of two machines writes last."""
        assert store.audit_signature() is None
        newer, older = (Signature(seq, "a" * 64, T0, 1, "key", "s") for seq in (5, 4))
        for one in (newer, older):
            with store.transaction():
                store.sign_audit(one)
        assert store.audit_signature() == newer

    def test_the_head_of_a_cycle_is_signed_and_found_so(self, store: Store) -> None:
        """Signed up to event 2; a third one is the unsigned tail."""
        signer = Signer(lambda: KEY)
        with store.transaction():
            for number in (1, 2):
                store.append_audit("mx", T0, "k", {"n": number})
            assert signer.sign(store, T0)
        with store.transaction():
            store.append_audit("mx", T0, "k", {"n": 3})
        result, signed = verify_signed(store, KEY)
        assert (result.ok, signed.standing, signed.tail) == (True, Standing.SIGNED, 1)
        assert verify_signed(store, None)[1].standing is Standing.UNCHECKED
        assert verify_signed(store, "x" * 64)[1].standing is Standing.UNCHECKED
        bad = replace(sign(KEY, audit.Head(3, store.audit_head()[1]), T0, began=1), signature="0" * 64)
        with store.transaction():
            store.sign_audit(bad)
        assert verify_signed(store, KEY)[1].standing is Standing.WRONG

    def test_an_erased_event_keeps_its_place_and_the_chain_holds(self, store: Store) -> None:
        """Body, ticket and salt go; when, account, kind and the links stay; the erasure is an event itself."""
        fill(store)
        before = list(store.audit())
        with store.transaction():
            event, count = store.redact_audit("mx", at(9), [2, 77], WHO)
        assert (event.seq, event.kind, count) == (5, "erasure", 1)
        assert (event.body["by"], event.body["reason"], list(event.body["events"])) == ("dpo", "request 17", ["2"])
        after = list(store.audit())[1]
        assert (after.body, after.ticket, after.salt, after.redacted) == ({}, None, None, 5)
        assert after == replace(before[1], body={}, ticket=None, salt=None, redacted=5)
        assert audit.verify(store).checked == 5
        assert audit.verify(audit.export_jsonl(store.audit())).ok
        with store.transaction():
            assert store.redact_audit("mx", at(10), [2], WHO)[1] == 0
        assert audit.verify(store).ok

    def test_an_event_emptied_without_an_erasure_is_found(self, store: Store) -> None:
        """The trigger lets an erasure pass, so verify asks the erasure event whether it names the erased one."""
        fill(store)
        events = list(store.audit())
        emptied = replace(events[1], body={}, ticket=None, salt=None, redacted=4)
        result = audit.verify([events[0], emptied, *events[2:]])
        assert (result.flaw, result.seq, result.checked) == (audit.Flaw.CHANGED, 2, 1)
        never = replace(emptied, redacted=99)
        assert audit.verify([events[0], never, *events[2:]]).seq == 2

    def test_erasing_a_ticket_leaves_nothing_of_its_customer_but_what_safety_needs(self, store: Store) -> None:
        """Mirror, journal, escalation, plan and audit of the ticket; another ticket stays as it was."""
        fill(store)
        with store.transaction():
            done = store.erase("mx", ["1042"], [], at(9), **WHO)
        assert done.counts == {"tickets": 1, "intents": 1, "escalations": 1, "plans": 1, "masked": 0, "events": 1}
        [kept] = [one for one in store.scan("mx") if one.ticket.id == "1042"]
        assert (kept.ticket.status, kept.ticket.agent, kept.wake_at) == ("in_process", "Laura Núñez", at(5))
        assert (kept.memory.done, kept.memory.toggles) == (FULL_MEMORY.done, FULL_MEMORY.toggles)
        assert {"subject", "body", "requester", "custom.text", "contract"} <= kept.ticket.unknown | {
            "contract",
            "subject",
        }
        assert store.related("mx", requester="email:jose@example.com", contract=None, since=at(-99999), limit=9) == []
        [one] = store.intents("mx", since=at(-1))
        assert (one.id, one.outcome, one.action.key, one.action.text) == ("i1", Outcome.DONE, FULL_ACTION.key, None)
        assert one.observed == {"attempt": 2}
        with store.transaction():
            assert not store.begin_intent(intent("i1"))
        [record] = store.escalations("mx")
        assert (record.body, record.cause, record.comments) == (
            {"situation": "s", "level": 2},
            {"cause": "spare part"},
            "",
        )
        plans = {plan.digest[0]: plan for plan in store.plans("mx")}
        assert (plans["d"].state, set(plans["d"].body)) == ("expired", {"erased"})
        assert (plans["e"].state, plans["e"].body) == ("held", {"actions": [{"ticket": "2"}]})
        assert [event.redacted for event in store.audit()] == [None, 5, None, None, None]
        assert audit.verify(store).ok

    def test_erasing_a_customer_takes_every_word_wherever_it_stands(self, store: Store) -> None:
        """Also in another ticket's outcome and in a fact; the other ticket's own row is as it was."""
        fill(store)
        assert store.tickets_of("mx", "email:jose@example.com") == ["1042"]
        with pytest.raises(ValueError, match="no key of a customer"):
            store.tickets_of("mx", "jose@example.com")
        with store.transaction():
            done = store.erase("mx", ["1042"], ["jose@example.com", "José Ibáñez"], at(9), **WHO)
        store.scrub()
        assert done.counts["events"] == 2
        assert [word for word in OF_THE_CUSTOMER if word in told(store)] == []
        assert store.fact("mx", "seen") == {"last": f"{MASK} called"}
        assert store.mirrored("mx", ["2"]) == {"2": row("2", 9)}
        assert audit.verify(store).ok

    def test_words_are_found_in_any_case_and_masked_whole(self, store: Store) -> None:
        """As JSON writes them, too; short ones would stand in too much and are left."""
        other = Ticket(id="3", status="open", body='Dice "JOSE@Example.com" \\ ß: jose@example.com', requester="Ana B")
        with store.transaction():
            store.put("mx", [Mirrored(other, Memory())])
            store.erase("mx", [], ["jose@example.com", "Ana"], at(9), **WHO)
        kept = store.mirrored("mx", ["3"])["3"].ticket
        assert kept.requester == "Ana B"
        assert "jose" not in (kept.body or "").casefold()

    def test_nothing_is_erased_by_halves(self, store: Store) -> None:
        """One transaction: a failure in it leaves everything."""
        fill(store)
        with pytest.raises(StoreError), store.transaction():
            store.erase("mx", ["1042"], [], at(9), **WHO)
            store.update_intent("mx", "none", outcome=Outcome.DONE, step=1, at=T0, observed={})
        assert "José Ibáñez" in told(store)
        with pytest.raises(StoreError, match="outside a transaction"):
            store.erase("mx", ["1042"], [], at(9), **WHO)

    def test_the_audit_is_pruned_from_its_beginning_and_goes_on_from_the_anchor(self, store: Store) -> None:
        """An event says so; the rest verifies, also as an export; nothing behind a signature goes."""
        with store.transaction():
            for number in range(6):
                store.append_audit("mx", at(number), "k", {"n": number})
        kept = {event.seq: event.hash for event in store.audit()}
        with store.transaction():
            store.sign_audit(sign(KEY, audit.Head(3, kept[3]), T0, began=1))
            assert store.prune_audit("mx", at(9), at(4)) == 3
        assert [event.seq for event in store.audit()] == [4, 5, 6, 7]
        assert store.audit_anchor() == (3, kept[3])
        newest = list(store.audit())[-1]
        assert (newest.kind, newest.body["through"], newest.body["events"]) == ("audit_pruned", 3, 3)
        result = audit.verify(store)
        assert (result.ok, result.checked, result.head.seq) == (True, 4, 7)
        lines = list(audit.export_jsonl(store.audit()))
        assert audit.verify(lines).ok
        assert audit.verify(lines[:-1]).flaw is audit.Flaw.REMOVED
        assert audit.verify(lines[1:]).flaw is audit.Flaw.REMOVED
        with store.transaction():
            assert store.prune_audit("mx", at(9), at(4)) == 0

    def test_what_is_behind_the_anchor_can_not_be_deleted(self, store: Store) -> None:
        """The trigger lets pruning pass and nothing else."""
        with store.transaction():
            for number in range(3):
                store.append_audit("mx", at(number), "k", {"n": number})
            assert store.prune_audit("mx", at(9), at(1)) == 1
        with pytest.raises(StoreError, match="append-only"), store.transaction():
            store._run("DELETE FROM audit WHERE seq = 2", ())  # type: ignore[attr-defined]
        for change in (
            "kind = 'x'",
            "body = '{}'",
            "redacted = 3",
            "body = '', salt = NULL, ticket = NULL, redacted = 1",
        ):
            with pytest.raises(StoreError, match="append-only"), store.transaction():
                store._run(f"UPDATE audit SET {change} WHERE seq = 2", ())  # type: ignore[attr-defined]

    def test_old_rows_go_and_what_open_tickets_rest_on_stays(self, store: Store) -> None:
        """Bodies of old plans, ended intents of closed tickets, closed tickets without intents."""
        with store.transaction():
            store.put("mx", [row("7", 5), row("8", status="closed"), row("9", status="closed")])
            for name, ticket in (("a", "7"), ("b", "8"), ("c", "8")):
                store.begin_intent(intent(name, ticket=ticket))
            for name in ("a", "b"):
                store.update_intent("mx", name, outcome=Outcome.DONE, step=1, at=at(1), observed={})
            for digest, state in (("d", "applied"), ("e", "held")):
                store.save_plan(SavedPlan(digest * 64, "mx", state, {"plan": "x", "actions": ["y" * 99]}, T0))
        with store.transaction():
            gone = (
                store.prune_plans("mx", at(9), at(2)),
                store.prune_intents("mx", at(2)),
                store.prune_tickets("mx", at(2)),
            )
        assert gone == (1, 1, 1)
        assert [one.id for one in store.intents("mx", since=T0)] == ["a", "c"]
        assert sorted(one.ticket.id for one in store.scan("mx")) == ["7", "8"]
        assert {plan.digest[0]: sorted(plan.body) for plan in store.plans("mx")} == {
            "d": ["pruned"],
            "e": ["actions", "plan"],
        }
        with store.transaction():
            assert store.prune_plans("mx", at(9), at(2)) == 0

    @pytest.mark.parametrize("version", [1, 2])
    def test_events_of_older_versions_keep_verifying_and_can_be_erased(self, store_url: str, version: int) -> None:
        """A state of version 1 or 2 with data migrates; its chain goes on under the new formula and is proven whole."""
        old = _open(store_url, version)
        prev = audit.GENESIS
        with old.transaction():
            old.put("mx", [Mirrored(FULL_TICKET, FULL_MEMORY, at(5))])
            for seq in (1, 2, 3):
                body, ticket = {"n": seq, "who": "José Ibáñez"}, "1042" if seq == 2 else None
                text = instant_text(at(seq))
                digest = event_hash(prev, seq=seq, at=text, account="mx", kind="k", ticket=ticket, body=body)
                values = (seq, text, "mx", "k", ticket, audit.canonical_json(body), prev, digest)
                old._write(_V1_EVENT, values)  # type: ignore[attr-defined]
                prev = digest
            old._write("UPDATE audit_head SET seq = ?, hash = ? WHERE one = 1", (3, prev))  # type: ignore[attr-defined]
            if version == 2:
                old.put_escalation("mx", Escalation("e1", "1042", None, T0, {"customer": "José Ibáñez"}))
        old.close()
        store = _open(store_url, None)
        assert ([one.v for one in store.audit()], audit.verify(store).checked) == ([1, 1, 1], 3)
        assert store.mirrored("mx", ["1042"])["1042"].ticket == FULL_TICKET
        with store.transaction():
            store.append_audit("mx", at(4), "k", {"n": 4}, ticket="1042")
            done = store.erase("mx", ["1042"], [], at(9), **WHO)
        assert (done.counts["events"], done.counts["escalations"]) == (2, version - 1)
        events = list(store.audit())
        assert [(one.v, one.redacted) for one in events] == [(1, None), (1, 5), (1, None), (2, 5), (2, None)]
        assert audit.verify(store).checked == 5
        lines = list(audit.export_jsonl(events))
        assert audit.verify(lines).ok
        for change in ({"kind": "x"}, {"account": "cl"}, {"at": at(77)}, {"body": {"n": 2}}, {"ticket": "7"}):
            assert audit.verify([events[0], replace(events[1], **change), *events[2:]]).seq == 2, change
        store.close()

    def test_rows_changed_in_the_database_are_found(self, store: Store) -> None:
        """By whoever may switch the triggers off, in either database: each column of each kind of row."""
        fill(store)
        with store.transaction():
            store.redact_audit("mx", at(9), [2], WHO)
        good = list(store.audit())
        on = "" if isinstance(store, SqliteStore) else " ON audit"
        with store.transaction():
            for name in ("audit_no_update", "audit_no_delete"):
                store._run(f"DROP TRIGGER {name}{on}", ())  # type: ignore[attr-defined]
        changes = {
            "at": "'2026-01-05T09:30:01.000000Z'", "account": "'x'", "kind": "'x'", "ticket": "'x'", "prev": "'x'",
            "body": "'{\"n\":1}'", "hash": f"'{'0' * 64}'", "v": "1", "salt": "'00'", "commitment": "'x'",
            "redacted": "4",
        }  # fmt: skip
        for seq in (2, 3):
            for column, value in changes.items():
                with pytest.raises(_Undo), store.transaction():
                    store._run(f"UPDATE audit SET {column} = {value} WHERE seq = {seq}", ())  # type: ignore[attr-defined]
                    assert not audit.verify(list(_seen(store))).ok, (seq, column)
                    raise _Undo
        assert list(store.audit()) == good


class _Undo(Exception):
    """Rolls a transaction back."""


def _seen(store: Store) -> list[str]:
    """The chain as exported lines; a row that can't be read is a line that is no event."""
    try:
        return list(audit.export_jsonl(store.audit()))
    except DamagedRow:
        return ["not an event"]


_V1_EVENT = "INSERT INTO audit (seq, at, account, kind, ticket, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def _open(url: str, version: int | None) -> Store:
    """The database at a version, None for the newest."""
    if "://" in url:
        from connector.store.postgres import PostgresStore

        return PostgresStore(url, migrations=versions.shipped("postgres")[:version])
    return SqliteStore(url, migrations=versions.shipped("sqlite")[:version])
