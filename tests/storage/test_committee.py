"""The committee's journal: one subject a thing, entries in order, decisions one after the other."""

from __future__ import annotations

import threading

from sqlalchemy import Engine

from storage.records.committee import CommitteeEntry, CommitteeRepository, Subject


def subject(number: int = 1, about: str = "alert:a1") -> Subject:
    return Subject(id=f"rev-{number}", site="f1", kind="review", about=about, opened_us=number)


def entry(of: Subject, word: str, **changes: object) -> CommitteeEntry:
    return CommitteeEntry(**{"subject": of.id, "site": of.site, "entry": word, "recorded_us": 1, "body": b"{}", **changes})


def test_one_subject_a_thing_and_decisions_one_after_the_other(engine: Engine) -> None:
    repository = CommitteeRepository(engine)
    first = subject()
    assert repository.open(first, [entry(first, "opened")])
    assert not repository.open(subject(2), [entry(subject(2), "opened")])
    assert repository.about("review", "alert:a1") == first
    assert repository.entries("rev-2") == []
    repository.change("rev-1", lambda before: [entry(first, f"n{len(before)}", inspector_only=True)])
    assert [(one.entry, one.inspector_only) for one in repository.entries("rev-1")] == [("opened", False), ("n1", True)]
    for number in (3, 4, 5):
        repository.open(subject(number, f"alert:{number}"), [])
    assert [one.id for one in repository.subjects("review", ["f1"], limit=2)] == ["rev-5", "rev-4"]
    assert [one.id for one in repository.subjects("review", ["f1"], after=(4, "rev-4"))] == ["rev-3", "rev-1"]
    assert repository.subjects("review", ["k1"]) == repository.subjects("meeting", ["f1"]) == []
    count_up(repository, first)


def count_up(repository: CommitteeRepository, of: Subject) -> None:
    """Decisions on one subject from several threads see each other."""

    def work() -> None:
        for _ in range(10):
            repository.change(of.id, lambda before: [entry(of, f"c{len(before)}")])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    words = [one.entry for one in repository.entries(of.id)][2:]
    assert words == [f"c{number}" for number in range(2, 32)]
