"""From an alert that is raised to the message handed over, with 500 alerts in a minute: the pager's and the deliveries' own threads."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import insert

from alerts.bench_records import fresh_records
from alerts.notification.delivery import Delivery
from alerts.notification.pager import Pager
from alerts.notification.pagers import PagerThread
from alerts.notification.port import Way
from alerts.notification.troubles import Troubles
from alerts.policies import site_policies
from alerts.record import Finding, Recorder
from domain.clock import SystemClock
from domain.hazards import Severity
from domain.registry import SiteFile
from domain.times import SECOND_US
from domain.yamltext import parse_yaml
from storage.records.notifications import NotificationsRepository
from storage.records.registry import RegistryRepository
from storage.records.tables import users

ALERTS, SECONDS, PEOPLE = 500, 60.0, 4
SITE = "site: {id: f1, name: F, timezone: Asia/Ho_Chi_Minh, country: VN}\nzones: [{id: a, name: A}]\n"


@dataclass(slots=True)
class _Sink:
    """Takes everything at once, and remembers when."""

    way: Way
    at_s: list[float] = field(default_factory=list)

    def send(self, address: str, subject: str, text: str) -> None:
        self.at_s.append(time.monotonic())

    def prove(self) -> bool:
        return True


def notification_rates(alerts: int = ALERTS, seconds: float = SECONDS, server: str = "") -> dict[str, float | str]:
    """Machines get each alert; people get the first few by themselves, then groups."""
    with fresh_records(server) as engine:
        clock, stop = SystemClock(), threading.Event()
        RegistryRepository(engine).import_file(parse_yaml(SITE, SiteFile, source="bench"), valid_from_us=None, author="bench", reason="bench", now_us=0)
        with engine.begin() as connection:
            person = {"role": "officer", "grant": "f1", "password_hash": "", "locale": "", "active": True, "created_us": 0}
            connection.execute(insert(users), [{"name": f"p{n}", "email": f"p{n}@f1.example", **person} for n in range(PEOPLE)])
        policy, held = site_policies(engine), RegistryRepository(engine).load().latest()
        sinks = [_Sink(Way(name="plant", kind="machine")), _Sink(Way(name="mail"))]
        troubles = Troubles(engine, clock, policy)
        threads = [PagerThread(engine, clock, Pager(engine, policy, [sink.way for sink in sinks]), lambda: held).start(stop)]
        threads += [Delivery(engine, clock, policy, sink, troubles=troubles).start(stop) for sink in sinks]
        recorder, begun = Recorder(engine, clock, policy), time.monotonic()
        for number in range(alerts):
            finding = Finding(site="f1", zone="f1.a", hazard=f"gas:g{number}", type="extreme_over_ceiling", severity=Severity.STOP, event_us=clock.now_us(), value=1.0, unit="ppm")
            recorder.seen(finding)
            time.sleep(max(0.0, begun + (number + 1) * seconds / alerts - time.monotonic()))
        time.sleep(3.0)
        stop.set()
        for thread in threads:
            thread.join(20)
        outbox = NotificationsRepository(engine)
        sent = [message for message in outbox.page(["f1"], channel="plant", limit=10 * alerts).items if message.sent_us is not None]
        raised = {alert.id: alert.called_at_us for alert in recorder.states.open()}
        waited = sorted((message.sent_us - raised[message.alert]) / SECOND_US for message in sent if message.sent_us is not None and message.alert in raised)
    return {
        "records": engine.dialect.name,
        "bench": "notification",
        "alerts": alerts,
        "handed_over": len(waited),
        "p50_s": round(waited[len(waited) // 2], 3),
        "p99_s": round(waited[min(len(waited) - 1, round(0.99 * len(waited)))], 3),
        "first_page_s": round(min(sinks[1].at_s) - begun, 3),
        "mails_a_person": round(len(sinks[1].at_s) / PEOPLE, 1),
    }
