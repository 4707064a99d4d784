"""The page: self-contained, safe against hostile tickets, complete in three languages."""

from __future__ import annotations

import re
import string
from html.parser import HTMLParser

import pytest

from connector.demo.record import Demonstration, Life, tickets
from connector.demo.report import render
from connector.demo.words import LANGUAGES, Words, catalogue

_VOID = frozenset({"meta", "br", "rect", "line"})


class _Structure(HTMLParser):
    """Collects tags and attributes, and that what is opened is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(page: str) -> _Structure:
    found = _Structure()
    found.feed(page)
    assert found.open == []
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_in_every_language(made: Demonstration, language: str) -> None:
    """Well nested, in its language, with the figures of both lives, and no unfilled place."""
    page = render(made, language=language)
    found = _read(page)
    assert ("html", {"lang": language}) in found.tags
    assert Words(language)("without") in page
    body = page.split("</style>")[1]
    assert not re.search(r"\{[a-z_]+\}|\{\{|\{%", body)


def test_nothing_is_loaded_and_nothing_runs(lived: Demonstration) -> None:
    """No script, no link, no image, no address at all: the page may be mailed and opened anywhere."""
    page = render(lived)
    found = _read(page)
    names = {tag for tag, _ in found.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form"})
    attributes = {name for _, attrs in found.tags for name in attrs}
    assert attributes.isdisjoint({"src", "href", "srcset", "action"})
    assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in page
    assert "@import" not in page
    policy = [attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_ticket_text_is_escaped(made: Demonstration) -> None:
    """A subject, a name or a reason with markup in it is shown, not obeyed."""
    page = render(made)
    assert "<b>noticias" not in page
    assert "<script" not in page
    assert "Sin &lt;b&gt;noticias&lt;/b&gt;" in page
    assert "Ana &amp; Luis" in page


def test_the_headline_figures_stand_side_by_side(made: Demonstration) -> None:
    """1 lost without, 0 with."""
    page = render(made)
    assert 'id="lost-without">1<' in page
    assert 'id="lost-with">0<' in page


def test_lists_name_ticket_rule_place_and_reason(made: Demonstration) -> None:
    """What an auditor asks for, with instants in the reader's own time."""
    kept = render(made).split('id="kept-list"')[1].split("</details>")[0]
    assert "#7" in kept
    assert "keepalive.yaml:6" in kept
    assert "due at 2026-03-02 09:00" in kept


def test_a_list_counts_tickets_as_the_headline_does(lived: Demonstration) -> None:
    """A ticket that was acted on twice is one ticket in both places."""
    page = render(lived)
    for name, records in (("lost-list", lived.without.lost), ("prioritised-list", lived.guarded.prioritised)):
        shown = re.search(rf'id="{name}"><summary><span>[^<]*</span><b>(\d+)</b>', page)
        assert shown is not None
        assert int(shown[1]) == len(tickets(records))


def test_a_story_tells_what_would_have_happened(made: Demonstration) -> None:
    """The kept ticket's story: what the helpdesk did without the daemon, and the clock that a toggle moved."""
    story = render(made).split('id="story-toggle"')[1].split("</article>")[0]
    assert "Without Escalera the helpdesk closed it on" in story
    assert "2026-02-18 16:00 → 2026-03-02 14:00" in story


def test_stories_carry_the_reasons_of_the_plan(lived: Demonstration) -> None:
    """Audit lines alone hold no reasons; the story joins both."""
    story = render(lived).split('id="story-toggle"')[1].split("</article>")[0]
    assert "the helpdesk would close it at" in story


def test_a_broken_promise_is_shown(made: Demonstration) -> None:
    """A failed run never looks like a good one."""
    assert "Every promise was kept" in render(made)
    made.guarded.audit_sound, made.guarded.audit_says = False, "event 3 was changed"
    page = render(made)
    assert "Every promise was kept" not in page
    assert "the hash chain is BROKEN" in page
    assert "event 3 was changed" in page


def test_a_run_in_which_nothing_happened_renders(made: Demonstration) -> None:
    """No ticket, no mail, no plan: every list says so."""
    start, end = made.guarded.start, made.guarded.end
    page = render(Demonstration("p", 1, Life("without", start, end), Life("with", start, end), {}))
    assert page.count("No ticket of this kind in this run.") == 4
    _read(page)


def test_every_day_has_a_tooltip(lived: Demonstration) -> None:
    """The chart can be read without its colours."""
    chart = render(lived).split("<svg")[1].split("</svg>")[0]
    assert len(re.findall(r"<g><title>Day \d+, ", chart)) == lived.days


def test_the_languages_have_the_same_words_and_places() -> None:
    """A word missing in one language, or another place to fill, is a fault of the catalogue."""
    tables = catalogue()
    assert tuple(tables) == LANGUAGES

    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for language in LANGUAGES[1:]:
        assert {key: places(text) for key, text in tables[language].items()} == {
            key: places(text) for key, text in tables["en"].items()
        }


def test_a_name_without_words_is_shown_as_it_is() -> None:
    """A cause the catalogue does not know is not hidden."""
    assert Words("es").named("cause", "weekly_digest") == "weekly digest"
