"""The wiring of notification: channels from the settings, a thread for each, the pager, and what goes out by itself."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.model_monitor import kept_of
from alerts.notification.chain import ChainTest
from alerts.notification.committee import CommitteeNews
from alerts.notification.config import ChannelsFile, channels_of, load_channels
from alerts.notification.delivery import Delivery
from alerts.notification.digest import Digest
from alerts.notification.inspectorate import InspectorNews
from alerts.notification.links import Links, open_key
from alerts.notification.mail import SmtpNotifier
from alerts.notification.pager import Pager
from alerts.notification.pagers import PagerThread
from alerts.notification.port import Notifier
from alerts.notification.post import Post
from alerts.notification.siren import MqttBroker, Siren
from alerts.notification.troubles import Troubles
from alerts.notification.words import Letterhead, Say
from alerts.rounds import Round
from domain.registry import Snapshot
from storage.records.registry import RegistryRepository

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from alerts.policy import Policy
    from oshwatch.settings import Settings

log = logging.getLogger(__name__)


class Notifying:
    """`start` its threads once; `tick` every few seconds."""

    def __init__(self, settings: Settings, engine: Engine, policy: Policy) -> None:
        self._engine, self._clock, self._registry = engine, settings.clock, RegistryRepository(engine)
        self.file = load_channels(Path(settings.notify_file)) if settings.notify_file else ChannelsFile()
        folder = Path(settings.notify_file).parent
        self.notifiers: list[Notifier] = [SmtpNotifier(settings.smtp_url)] if settings.smtp_url else []
        self.notifiers += channels_of(self.file, folder, self._clock)
        ways = [notifier.way for notifier in self.notifiers]
        head = Letterhead(policy=policy, held=Snapshot(), say=translator(), console_url=settings.console_url.rstrip("/"))
        self._troubles = Troubles(engine, self._clock, policy, self._only_site)
        self._siren = self._make_siren(settings)
        links = Links(open_key(settings.data_dir), head.console_url)
        self._pager = PagerThread(engine, self._clock, Pager(engine, policy, ways, head=head, links=links), self.held)
        self._deliveries = [Delivery(engine, self._clock, policy, notifier, troubles=self._troubles, head=head) for notifier in self.notifiers]
        if self._siren is not None:
            self._deliveries.append(Delivery(engine, self._clock, policy, self._siren, troubles=self._troubles, head=head))
        post = Post(engine, ways)
        self._names = [way.name for way in ways] + (["siren"] if self._siren else [])
        self._chain = ChainTest(engine, self._clock, post, self._troubles, say=head.say, channels=self._names, sound=self._siren.sound if self._siren else None)
        self._digest, self._committee, self._inspectors = (
            Digest(engine, post, head, lambda: kept_of(settings.data_dir / "models").drifts),
            CommitteeNews(engine, post, head),
            InspectorNews(engine, post, head),
        )

    def start(self, stop: threading.Event) -> None:
        self._troubles.forget_others([*self._names, "all"])
        self._pager.start(stop)
        for delivery in self._deliveries:
            delivery.start(stop)
        if self._siren is not None:
            self._siren.start(stop)

    @property
    def rounds(self) -> list[Round]:
        """What runs in threads of its own."""
        return [self._pager.round, *(delivery.round for delivery in self._deliveries), *([self._siren.round] if self._siren else [])]

    def counters(self) -> dict[str, float]:
        """What became of messages since the start, all channels of a kind together."""
        found: Counter[str] = Counter()
        for delivery in self._deliveries:
            found.update(delivery.counters())
        return {**found, **(self._siren.counters() if self._siren else {})}

    def tick(self) -> None:
        """What goes out by itself: chain test, digest, what the committee and the inspectorate are told."""
        now_us, held = self._clock.now_us(), self.held()
        self._chain.tick(now_us, held)
        self._digest.tick(now_us, held)
        self._committee.tick(now_us, held)
        self._inspectors.tick(now_us, held)

    def held(self) -> Snapshot:
        return self._registry.load().at(self._clock.now_us())

    def _only_site(self) -> str:
        """Where a centre has one site, what fails for all fails there."""
        sites = list(self.held().sites)
        return sites[0] if len(sites) == 1 else ""

    def _make_siren(self, settings: Settings) -> Siren | None:
        if self.file.siren is None:
            return None
        from oshwatch.parts import mqtt_address, mqtt_client

        broker = MqttBroker(mqtt_client(settings, "oshwatch-siren"), *mqtt_address(settings))
        return Siren(self._engine, self._clock, broker, self._troubles, self.held, topic=self.file.siren.topic, sites=self.file.siren.sites)


def translator() -> Say:
    """The pages' catalogues, for messages."""
    from console.i18n import load_catalogues, negotiate

    catalogues = load_catalogues()
    return lambda language, text: negotiate(catalogues, user=language).gettext(text)
