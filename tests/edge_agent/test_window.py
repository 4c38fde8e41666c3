"""What is on its way to a centre: bounded, sent again when nothing comes back, and at once when the broker lost it."""

from __future__ import annotations

from edge_agent.ranges import Ranges
from edge_agent.window import RESEND_CAP_S, RESEND_FIRST_S, Window


def filled(count: int, **options: int) -> Window:
    window = Window(**options)
    for number in range(count):
        window.sent(number, mid=100 + number, now_s=0.0)
    return window


def test_a_backlog_leaves_room_for_what_is_live() -> None:
    window = filled(8, limit=10, live_reserve=2)
    assert (window.room(live=False), window.room(live=True)) == (0, 2)


def test_the_centres_answer_frees_and_the_brokers_does_not() -> None:
    window = filled(3)
    assert window.received(101) == 1
    assert (len(window), window.on_the_wire) == (3, 2)
    window.settled(Ranges([(0, 1), (50, 60)]))
    assert (len(window), window.on_the_wire, list(window.ids)) == (1, 1, [(2, 2)])


def test_without_an_answer_it_is_sent_again_after_a_minute_then_ever_later_up_to_ten() -> None:
    window, now, waits = Window(), 0.0, []
    for attempt in range(6):
        window.sent(7, mid=attempt, now_s=now)
        sent_at = now
        while not window.overdue(now):
            now += 1.0
        waits.append(now - sent_at)
    assert waits == [60, 120, 240, 480, 600, 600]
    assert (RESEND_FIRST_S, RESEND_CAP_S) == (60, 600)
    assert window.on_the_wire == 1


def test_a_broker_that_kept_the_session_has_what_it_confirmed() -> None:
    window = filled(3)
    window.received(101)
    window.reconnected(session_present=True)
    assert list(window.ids) == [(1, 1)]
    window.reconnected(session_present=False)
    assert not window.ids


def test_what_was_sent_just_before_the_line_was_lost_may_have_died_with_the_broker_and_goes_out_again() -> None:
    window = Window()
    for row_id, sent_s in ((1, 0.0), (2, 89.0), (3, 99.0)):
        window.sent(row_id, mid=row_id, now_s=sent_s)
        window.received(row_id)
    window.reconnected(session_present=True, lost_s=100.0)
    assert list(window.ids) == [(1, 2)], "only what is older than ten seconds is believed to be in the broker"
    window.reconnected(session_present=True)
    assert list(window.ids) == [(1, 2)]
