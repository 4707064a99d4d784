"""The rate budget: learns from headers and 429s, leaves a share to others, never stands still for good."""

from __future__ import annotations

import threading
from collections import deque

import pytest

from connector.http.budget import Budget, Lease


class Account:
    """A helpdesk's limiter: a total of credits and a sub-limit of lists a minute, in fixed or in sliding minutes.

    `noise`: credits that other apps take at the start of each minute.
    """

    def __init__(
        self, total: int, lists: int = 10**6, *, sliding: bool = False, noise: int = 0, headers: bool = True
    ) -> None:
        self.now = 0.0
        self.total, self.lists, self.sliding, self.noise, self.headers = total, lists, sliding, noise, headers
        self.window = 0.0
        self.calls: deque[tuple[float, str, int]] = deque()
        self.granted: list[float] = []
        self.limited = 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _left(self) -> int:
        if self.sliding:
            while self.calls and self.calls[0][0] <= self.now - 60:
                self.calls.popleft()
        elif self.now - self.window >= 60:
            self.window = self.now
            self.calls.clear()
        return self.total - self.noise - sum(cost for _, _, cost in self.calls)

    def call(self, budget: Budget, kind: str, cost: int, guess: float = 1.0) -> bool:
        """One call that waits its turn; whether it was granted."""
        waited = 0.0
        while not isinstance(lease := budget.ask(kind, cost=guess), Lease):
            assert 0 < lease <= 120
            self.sleep(lease)
            waited += lease
            assert waited < 600, "the budget gives no turn"
        left = self._left()
        lists = sum(k == "list" for _, k, _ in self.calls)
        if cost > left or (kind == "list" and lists >= self.lists):
            self.limited += 1
            oldest = self.calls[0][0] if self.calls and self.sliding else self.window
            wait = max(1.0, oldest + 60 - self.now)
            budget.limited(
                lease,
                retry_after=wait,
                total=self.total if self.headers else None,
                remaining=max(left, 0) if self.headers else None,
            )
            return False
        self.calls.append((self.now, kind, cost))
        self.granted.append(self.now)
        if self.headers:
            budget.answered(lease, total=self.total, remaining=left - cost, used=cost)
        else:
            budget.answered(lease)
        self.now += 0.2
        return True


def pages(account: Account, budget: Budget, wanted: int, cost: int = 3, guess: float = 3.0) -> float:
    """Read so many pages; the seconds it took."""
    start, got = account.now, 0
    while got < wanted:
        got += account.call(budget, "list", cost, guess)
    return account.now - start


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize(
    ("total", "lists"), [(700, 200), (400, 100), (200, 20), (100, 40), (50, 50), (1000, 300), (2000, 400)]
)
def test_three_hundred_and_fifty_pages_meet_at_most_three_429s_near_the_allowed_speed(
    total: int, lists: int, sliding: bool
) -> None:
    """On every plan, though the sub-limit for lists is told by nobody."""
    account = Account(total, lists, sliding=sliding)
    budget = Budget(monotonic=lambda: account.now)
    took = pages(account, budget, 350)
    allowed = min(total * 0.75 / 3, lists * 0.75)
    assert account.limited <= 3
    assert took <= 350 / allowed * 60 * 1.25


@pytest.mark.parametrize("leave_free", [0.0, 0.25, 0.5])
def test_the_share_left_to_others_is_left_in_every_minute(leave_free: float) -> None:
    """Whatever minute one looks at."""
    account = Account(700)
    budget = Budget(monotonic=lambda: account.now, leave_free=leave_free)
    pages(account, budget, 400)
    for at in account.granted:
        assert sum(3 for other in account.granted if at <= other < at + 59.999) <= 700 * (1 - leave_free)


def test_a_configured_cap_holds_below_what_the_account_allows() -> None:
    """An operator's word counts more than the headers."""
    account = Account(700)
    budget = Budget(monotonic=lambda: account.now, cap=60)
    took = pages(account, budget, 100)
    assert took >= 100 * 3 / 60 * 60 - 60
    assert account.limited == 0


def test_what_others_use_slows_us_down_before_a_429() -> None:
    """Remaining falls faster than our own calls explain."""
    account = Account(400, noise=320)
    budget = Budget(monotonic=lambda: account.now)
    pages(account, budget, 60, cost=1, guess=1)
    assert account.limited <= 1


def test_the_cost_of_an_include_is_learnt_from_the_answer() -> None:
    """A guess of one credit is corrected by the first answer."""
    account = Account(700)
    budget = Budget(monotonic=lambda: account.now)
    pages(account, budget, 200, cost=7, guess=1.0)
    for at in account.granted:
        assert sum(7 for other in account.granted if at <= other < at + 60) <= 700 * 0.75 + 14
    assert account.limited == 0


def test_without_any_header_the_pace_is_learnt_from_429s() -> None:
    """Legacy accounts tell nothing."""
    account = Account(100, headers=False)
    budget = Budget(monotonic=lambda: account.now)
    took = pages(account, budget, 300, cost=1, guess=1)
    assert account.limited <= 3
    assert took <= 300 / 75 * 60 * 1.3


def test_without_headers_and_limits_the_pace_grows() -> None:
    """Nothing is held at a number somebody once assumed."""
    account = Account(10**6, headers=False)
    budget = Budget(monotonic=lambda: account.now, assumed=60)
    assert pages(account, budget, 1000, cost=1, guess=1) < 1000 / 45 * 60 * 0.4


@pytest.mark.parametrize("named", [None, 0.0, 1.0, 30.0, 10_000.0])
def test_a_429_blocks_for_a_while_and_never_for_good(named: float | None) -> None:
    """However long a Retry-After, however many in a row."""
    now = [0.0]
    budget = Budget(monotonic=lambda: now[0])
    for _ in range(50):
        lease = budget.ask("list")
        while not isinstance(lease, Lease):
            now[0] += lease
            lease = budget.ask("list")
        wait = budget.limited(lease, retry_after=named, total=700, remaining=0)
        assert 1 <= wait <= 120
        assert budget.ask("view") == pytest.approx(wait)
        now[0] += wait
    assert isinstance(budget.ask("view"), Lease)


def test_a_sub_limit_holds_up_its_own_class_only() -> None:
    """A 429 with credits left speaks of one endpoint class: single reads and writes go on."""
    now = [0.0]
    budget = Budget(monotonic=lambda: now[0])
    lease = budget.ask("list")
    assert isinstance(lease, Lease)
    budget.limited(lease, retry_after=40, total=700, remaining=500)
    assert budget.ask("list") == pytest.approx(40)
    assert isinstance(budget.ask("update"), Lease)


def test_a_short_cycle_never_waits() -> None:
    """Idle polls and a handful of reads go at once even on the smallest plan."""
    account = Account(200, 20)
    budget = Budget(monotonic=lambda: account.now)
    for _ in range(30):
        before = account.now
        assert account.call(budget, "list", 3)
        assert account.call(budget, "view", 2)
        assert account.now - before < 1
        account.sleep(60)


def test_threads_share_one_budget() -> None:
    """However many ask at once, no more leave than the minute holds."""
    budget = Budget(monotonic=lambda: 0.0, cap=100, leave_free=0)
    leases: list[Lease] = []

    def ask() -> None:
        for _ in range(100):
            given = budget.ask("view")
            if isinstance(given, Lease):
                leases.append(given)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(leases) <= 100


@pytest.mark.parametrize(("name", "value"), [("leave_free", 1.0), ("leave_free", -0.1), ("cap", 0.0), ("cap", -5.0)])
def test_senseless_settings_are_refused(name: str, value: float) -> None:
    """Zero is not unlimited."""
    with pytest.raises(ValueError, match=r"must be"):
        Budget(**{name: value})  # type: ignore[arg-type]
