"""From bytes to what may be stored: decode, identify, look up, and run the instant rules, before anything waits for a database (decision 3)."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from domain.clock import Clock
from domain.ids import is_boot
from domain.messages import Event, GapCause, Health, Status
from domain.reading import Reading
from domain.senml import Pack, PackRefused, Refusal, decode_pack, digest_of
from domain.seqset import SeqSet
from domain.times import MINUTE_US, SECOND_US, to_rfc3339
from domain.topics import CENTRE, parse
from ingest import quarantine
from ingest.directory import Directory
from ingest.patience import Stopped
from ingest.rules import InstantRules, NoticeKind
from ingest.source import Message
from ingest.work import BootKey, Jump, Presence, Retiming, Work
from storage.records.ledger import FilledRow, GapRow, PackRow, QuarantineRow
from storage.records.quarantine import QuarantineItem

log = logging.getLogger(__name__)

FUTURE_US = 5 * MINUTE_US
NOTICE_EVERY_US = MINUTE_US
UNKNOWN_AGENT_BYTES = 256 * 1024 * 1024
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TOPICS_MAX = 100_000
_JUMPS_MAX = 1_000

RETRY_TOPIC = f"{CENTRE}/retry"
"""From the centre's other parts: `{"id": 17}` tries that item in quarantine again."""


class RetryRequest(msgspec.Struct, frozen=True):
    id: int


_retry = msgspec.json.Decoder(RetryRequest)
_event = msgspec.json.Decoder(Event)
_KNOWN_MESSAGES: dict[str, msgspec.json.Decoder[Any]] = {"status": msgspec.json.Decoder(Status), "health": msgspec.json.Decoder(Health)}


class Intake:
    """Used by one thread; `committed` and `directory` are set by others."""

    def __init__(
        self,
        *,
        rules: InstantRules,
        clock: Clock,
        directory: Directory,
        known: dict[BootKey, SeqSet],
        digests: Callable[[str, str, Sequence[int]], dict[int, bytes]],
        bytes_held: Callable[[str], int],
    ) -> None:
        self.directory = directory
        self.counts: Counter[str] = Counter()
        self._rules, self._clock = rules, clock
        self._known, self._digests, self._bytes_held = known, digests, bytes_held
        self._in_flight: dict[tuple[str, str, int], bytes] = {}
        self._newest_us: dict[BootKey, int] = {}
        self._jumps: deque[Jump] = deque(maxlen=_JUMPS_MAX)
        self._unknown_bytes: dict[str, int] = {}
        self._noticed_us: dict[tuple[str, NoticeKind], int] = {}
        self._topics: dict[str, tuple[str, str] | None] = {}
        self._to_check: list[Reading] = []
        self.wanted: deque[int] = deque()
        """Ids in quarantine that a person wants tried again."""
        self._declared: deque[tuple[str, str, int, int]] = deque()

    def take(self, messages: Sequence[Message], work: Work) -> None:
        """Judge messages in the order they came and add them to `work`; the rules have run when this returns."""
        if not messages:
            return
        while self._declared:
            agent, boot, from_seq, to_seq = self._declared.popleft()
            self._seqs(agent, boot).add_range(from_seq, to_seq)
        arrived_us = messages[0].arrived_us
        work.received_s.append(messages[0].received_s)
        doubtful: list[tuple[Message, Pack]] = []
        for message in messages:
            if message.arrived_us != arrived_us:
                self._check(arrived_us)
                arrived_us = message.arrived_us
            if message.token:
                work.tokens.append(message.token)
            try:
                self._one(message, work, doubtful)
            except Stopped:
                raise
            except Exception as error:
                self.counts["exceptions"] += 1
                log.exception("a message on %s could not be processed; it is kept in quarantine", message.topic)
                self._refuse_whole(message, self._agent_of(message), Refusal.NOT_A_PACK, f"could not be processed: {error!r}", work)
        work.arrived_us = max(work.arrived_us, arrived_us)
        if doubtful:
            self._settle_all(doubtful, work)
        self._check(arrived_us)

    def retry(self, item: QuarantineItem, work: Work) -> bool:
        """Try something from quarantine again; True when it is accepted now, or handed to whoever knows the offsets of clocks."""
        site = self.directory.site(item.agent)
        if item.refusal == Refusal.FUTURE_TIME and not item.whole and site:
            work.ahead_again.append(item)  # a clock event may be known that says by how much its time is wrong
            work.arrived_us = max(work.arrived_us, self._clock.now_us())
            self.counts["retried"] += 1
            return True
        try:
            pack = decode_pack(item.payload, item.agent)
        except PackRefused:
            return False
        now_us = self._clock.now_us()
        if not site or (not item.whole and (pack.refused or not all(self._acceptable(reading, now_us) for reading in pack.readings))):
            return False
        self._accept(pack, item.payload, now_us, work)
        self._check(now_us)
        work.accepted.append((item.id, site))
        if item.refusal == Refusal.STORE_REFUSED:
            work.again += [(item.id, reading) for reading in pack.readings]
        work.arrived_us = max(work.arrived_us, now_us)
        self.counts["retried"] += 1
        return True

    def committed(self, packs: Sequence[PackRow]) -> None:
        """These are on record now; called by the committer."""
        for row in packs:
            self._in_flight.pop((row.agent, row.boot, row.seq), None)

    def declare(self, agent: str, boot: str, from_seq: int, to_seq: int) -> None:
        """These seqs will never come (should one come after all, it is taken as new); called by the committer."""
        self._declared.append((agent, boot, from_seq, to_seq))

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def on_record(self, agent: str, boot: str, seq: int) -> bool:
        """Whether the ledger has this pack, with what was kept out of it."""
        return (agent, boot, seq) not in self._in_flight

    def _one(self, message: Message, work: Work, doubtful: list[tuple[Message, Pack]]) -> None:
        parsed = self._parsed(message.topic)
        if message.topic == RETRY_TOPIC:
            self.wanted.append(_retry.decode(message.payload).id)
            return
        if parsed is None:
            self._refuse_whole(message, "", Refusal.BAD_NAME, f"topic '{message.topic[:200]}'", work)
            return
        agent, kind = parsed
        if kind == "data":
            self._data(message, agent, work, doubtful)
        elif kind == "event":
            self._event(message, agent, work)
        elif kind in _KNOWN_MESSAGES:
            self._presence(message, agent, kind, work)
        else:
            self.counts["command_results"] += 1

    def _data(self, message: Message, agent: str, work: Work, doubtful: list[tuple[Message, Pack]]) -> None:
        self.counts["packs"] += 1
        try:
            pack = decode_pack(message.payload, agent)
        except PackRefused as refused:
            self._refuse_whole(message, agent, refused.refusal, refused.detail, work)
            return
        seqs = self._seqs(agent, pack.boot)
        if pack.seq not in seqs:
            self._enter(pack, message, seqs, work)
            return
        digest = self._in_flight.get((agent, pack.boot, pack.seq))
        if digest is None:
            doubtful.append((message, pack))
        else:
            self._compare(pack, message, digest, work)

    def _enter(self, pack: Pack, message: Message, seqs: SeqSet, work: Work) -> None:
        """A pack that was not seen before."""
        agent, boot, seq = pack.agent, pack.boot, pack.seq
        directory = self.directory
        if agent not in directory.agents and not self._admit_unknown(agent, message):
            return
        newest_us = pack.readings[-1].time_us if pack.readings else message.arrived_us
        if seq < seqs.top and seq not in seqs:
            work.filled.append(_filled(pack, message))
        self._jump(agent, boot, seqs, seq, newest_us, work)
        if seq > seqs.top:
            self._newest_us[(agent, boot)] = newest_us
        self._enter_identity(agent, boot, seq, pack.digest, seqs, work)
        work.seen[agent] = message.arrived_us
        if agent in directory.agents:
            self._accept(pack, message.payload, message.arrived_us, work)
        else:
            self._keep(quarantine.whole(agent, "", message.payload, Refusal.UNKNOWN_AGENT, "waiting to be enrolled: not in the registry"), work)

    def _enter_identity(self, agent: str, boot: str, seq: int, digest: bytes, seqs: SeqSet, work: Work) -> None:
        seqs.add(seq)
        self._in_flight[(agent, boot, seq)] = digest
        work.packs.append(PackRow(agent, boot, seq, digest))
        work.answers.add((agent, boot))

    def _accept(self, pack: Pack, payload: bytes, arrived_us: int, work: Work) -> None:
        channels, horizon_us = self.directory.channels, arrived_us + FUTURE_US
        good = [reading for reading in pack.readings if reading.channel in channels and reading.time_us <= horizon_us]
        if len(good) != len(pack.readings):
            good = self._sort_out(pack, arrived_us, work)
        work.readings += good
        self._to_check += good
        if not pack.sync and good:
            work.unsynchronised.append(((pack.agent, pack.boot), good))
        for refused in pack.refused:
            self._keep(quarantine.of_record(pack, self.directory.site(pack.agent), payload, refused), work)
            if refused.reading is not None and self.directory.knew(refused.reading):
                self._to_check.append(refused.reading)
            if refused.refusal is Refusal.FUTURE_TIME:
                self._notice(pack.agent, NoticeKind.CLOCK_WRONG, refused.detail, arrived_us)

    def _sort_out(self, pack: Pack, arrived_us: int, work: Work) -> list[Reading]:
        good, site = [], self.directory.site(pack.agent)
        for reading in pack.readings:
            if not self.directory.knew(reading):
                self._keep(quarantine.of_reading(pack, site, reading, Refusal.UNKNOWN_CHANNEL, f"'{reading.channel}' is not in the registry"), work)
            elif reading.time_us > arrived_us + FUTURE_US:
                ahead_s = (reading.time_us - arrived_us) / SECOND_US
                detail = f"{to_rfc3339(reading.time_us)} is {ahead_s:.0f} s ahead of the centre's clock"
                self._keep(quarantine.of_reading(pack, site, reading, Refusal.FUTURE_TIME, detail), work)
                self._to_check.append(reading)
                self._notice(pack.agent, NoticeKind.CLOCK_WRONG, f"the clock of '{pack.agent}' is wrong: {detail}", arrived_us)
            else:
                good.append(reading)
        return good

    def _acceptable(self, reading: Reading, now_us: int) -> bool:
        return self.directory.knew(reading) and reading.time_us <= now_us + FUTURE_US

    def _settle_all(self, doubtful: list[tuple[Message, Pack]], work: Work) -> None:
        try:
            self._settle(doubtful, work)
        except Stopped:
            raise
        except Exception as error:
            self.counts["exceptions"] += 1
            log.exception("repeats could not be told from conflicts; they are kept in quarantine")
            for message, pack in doubtful:
                self._refuse_whole(message, pack.agent, Refusal.NOT_A_PACK, f"could not be processed: {error!r}", work)

    def _settle(self, doubtful: list[tuple[Message, Pack]], work: Work) -> None:
        """Seqs that are known: repeats, conflicts, or packs of a declared gap that came after all."""
        groups: dict[BootKey, list[tuple[Message, Pack]]] = defaultdict(list)
        for message, pack in doubtful:
            groups[(pack.agent, pack.boot)].append((message, pack))
        for (agent, boot), group in groups.items():
            on_record = self._digests(agent, boot, [pack.seq for _, pack in group])
            for message, pack in group:
                digest = on_record.get(pack.seq) or self._in_flight.get((agent, boot, pack.seq))
                if digest is not None:
                    self._compare(pack, message, digest, work)
                else:
                    self._enter(pack, message, self._seqs(agent, boot), work)
                    work.filled.append(_filled(pack, message))

    def _compare(self, pack: Pack, message: Message, digest: bytes, work: Work) -> None:
        work.answers.add((pack.agent, pack.boot))
        work.seen[pack.agent] = message.arrived_us
        if digest == pack.digest:
            self.counts["duplicates"] += 1
        else:
            self._conflict(message, pack.agent, pack.boot, pack.seq, work)

    def _conflict(self, message: Message, agent: str, boot: str, seq: int, work: Work) -> None:
        self.counts["conflicts"] += 1
        detail = f"boot {boot}, seq {seq} is known with other bytes"
        self._keep(quarantine.whole(agent, self.directory.site(agent), message.payload, Refusal.IDENTITY_CONFLICT, detail), work)
        self._notice(agent, NoticeKind.IDENTITY_CONFLICT, f"'{agent}': {detail}; a copied card, or a boot id used twice", message.arrived_us)

    def _event(self, message: Message, agent: str, work: Work) -> None:
        self.counts["events"] += 1
        try:
            event = _event.decode(message.payload)
        except UNREADABLE as error:
            self._refuse_whole(message, agent, Refusal.WRONG_TYPE, f"event: {_said(error)}", work)
            return
        if not (is_boot(event.boot) and _range(0, event.seq)):
            self._refuse_whole(message, agent, Refusal.WRONG_TYPE, "event: boot is 1 to 64 printable characters without a space, seq counts from 0", work)
            return
        seqs, digest = self._seqs(agent, event.boot), digest_of(message.payload)
        if event.seq in seqs:
            known = self._in_flight.get((agent, event.boot, event.seq)) or self._digests(agent, event.boot, [event.seq]).get(event.seq)
            if known is not None:
                work.answers.add((agent, event.boot))
                if known == digest:
                    self.counts["duplicates"] += 1
                else:
                    self._conflict(message, agent, event.boot, event.seq, work)
                return
        if agent not in self.directory.agents and not self._admit_unknown(agent, message):
            return
        at_us = _micros(event.at, message.arrived_us)
        if event.seq < seqs.top or event.seq in seqs:
            work.filled.append(FilledRow(agent=agent, boot=event.boot, seq=event.seq, start_us=at_us, stop_us=at_us))
        self._jump(agent, event.boot, seqs, event.seq, at_us, work)
        self._enter_identity(agent, event.boot, event.seq, digest, seqs, work)
        work.seen[agent] = message.arrived_us
        if agent not in self.directory.agents:
            self._keep(quarantine.whole(agent, "", message.payload, Refusal.UNKNOWN_AGENT, "an event of an agent that is not in the registry"), work)
        self._heed(event, agent, seqs, message.arrived_us, work)

    def _heed(self, event: Event, agent: str, seqs: SeqSet, arrived_us: int, work: Work) -> None:
        if event.type == "gap":
            lost = _range(*(event.lost_seqs or (None, None)))
            start_us, stop_us = self._gap_span(event, agent, lost, _micros(event.at, arrived_us))
            cause = event.cause or GapCause.UNKNOWN
            work.gaps.append(_gap(event, agent, cause, lost, start_us, stop_us))
            if lost:
                seqs.add_range(*lost)
                work.declared.append((agent, event.boot, *lost))
            if cause is GapCause.OUTBOX_FULL:
                self._notice(agent, NoticeKind.OUTBOX_FULL, f"'{agent}' had to drop packs: {event.text or 'its outbox is full'}", arrived_us)
        elif event.type == "clock" and event.offset_s is not None and abs(event.offset_s) < 1e10:
            work.retimings.append(Retiming(agent, event.boot, event.seq, round(event.offset_s * SECOND_US)))
        else:
            log.info("event of %s: %s %s %s", agent, event.type, event.sensor, event.text)

    def _gap_span(self, event: Event, agent: str, lost: tuple[int, int] | None, at_us: int) -> tuple[int, int]:
        """What the event tells, else what lies between the neighbours of the seqs it declares, else up to the event itself."""
        key = (agent, event.boot)
        if lost is None:
            before_us, after_us = self._newest_us.get(key, at_us), at_us
        else:
            around = [jump for jump in self._jumps if (jump.agent, jump.boot) == key and jump.from_seq <= lost[0] and lost[1] <= jump.to_seq]
            before_us, after_us = (around[-1].start_us, around[-1].stop_us) if around else (at_us, at_us)
        start_s, stop_s = event.span_s
        start_us = _micros(start_s, before_us)
        return start_us, max(_micros(stop_s, after_us), start_us)

    def _jump(self, agent: str, boot: str, seqs: SeqSet, seq: int, at_us: int, work: Work) -> None:
        """Note what `seq` passes over, and between which times it lies."""
        key = (agent, boot)
        if seq > seqs.top + 1:
            jump = Jump(agent, boot, seqs.top + 1, seq - 1, min(self._newest_us.get(key, at_us), at_us), at_us)
            work.jumps.append(jump)
            self._jumps.append(jump)

    def _presence(self, message: Message, agent: str, kind: str, work: Work) -> None:
        if not message.payload:
            return  # a retained message that was cleared
        try:
            known = _KNOWN_MESSAGES[kind].decode(message.payload)
        except UNREADABLE as error:
            self._refuse_whole(message, agent, Refusal.WRONG_TYPE, f"{kind}: {_said(error)}", work)
            return
        if isinstance(known, Status) and not (is_boot(known.boot) and all(is_boot(part.boot) and _range(part.from_, part.to) for part in known.held)):
            self._refuse_whole(message, agent, Refusal.WRONG_TYPE, "status: a boot is 1 to 64 printable characters without a space, a range runs upwards from 0", work)
            return
        self.counts[kind] += 1
        work.presence.append(Presence("status" if kind == "status" else "health", agent, message.payload, message.arrived_us))

    def _refuse_whole(self, message: Message, agent: str, refusal: Refusal, detail: str, work: Work) -> None:
        if agent and agent not in self.directory.agents and not self._admit_unknown(agent, message):
            return
        row = quarantine.whole(agent, self.directory.site(agent), message.payload, refusal, detail)
        self._keep(row, work)
        if agent:
            work.seen[agent] = message.arrived_us
        if agent and row.boot and self._parsed(message.topic) in ((agent, "data"), (agent, "event")):
            work.answers.add((agent, row.boot))
            seqs = self._seqs(agent, row.boot)
            if row.seq not in seqs:
                self._enter_identity(agent, row.boot, row.seq, row.digest, seqs, work)
        if refusal is Refusal.IDENTITY_CONFLICT:
            self.counts["conflicts"] += 1
            self._notice(agent, NoticeKind.IDENTITY_CONFLICT, f"'{agent}': {detail}", message.arrived_us)

    def _admit_unknown(self, agent: str, message: Message) -> bool:
        """Whether quarantine has room for this unknown agent; what has none is not acknowledged, so that its outbox keeps it."""
        held = self._unknown_bytes.get(agent)
        if held is None:
            held = self._unknown_bytes[agent] = self._bytes_held(agent)
            self._notice(agent, NoticeKind.UNKNOWN_AGENT, f"'{agent}' sends and is not in the registry: enrol it, or find out who it is", message.arrived_us)
        if held + len(message.payload) > UNKNOWN_AGENT_BYTES:
            self.counts["unknown_over_cap"] += 1
            text = f"'{agent}' is not in the registry and its quarantine is full: what it sends now is not acknowledged"
            self._notice(agent, NoticeKind.UNKNOWN_AGENT, text, message.arrived_us)
            return False
        self._unknown_bytes[agent] = held + len(message.payload)
        return True

    def _keep(self, row: QuarantineRow, work: Work) -> None:
        work.quarantine.append(row)
        self.counts[f"quarantined_{row.refusal.replace(' ', '_')}"] += 1

    def _check(self, arrived_us: int) -> None:
        readings, self._to_check = self._to_check, []
        if not readings:
            return
        try:
            self._rules.check(readings, arrived_us)
        except Exception:
            self.counts["rules_errors"] += 1
            log.exception("the instant rules failed on %d readings; these are stored all the same", len(readings))

    def _notice(self, agent: str, kind: NoticeKind, text: str, at_us: int) -> None:
        last_us = self._noticed_us.get((agent, kind))
        if last_us is not None and 0 <= at_us - last_us < NOTICE_EVERY_US:
            return
        self._noticed_us[(agent, kind)] = at_us
        try:
            self._rules.notice(agent, kind, text, at_us)
        except Exception:
            self.counts["rules_errors"] += 1
            log.exception("a notice could not be raised: %s", text)

    def _seqs(self, agent: str, boot: str) -> SeqSet:
        key = (agent, boot)
        seqs = self._known.get(key)
        if seqs is None:
            seqs = self._known[key] = SeqSet()
        return seqs

    def _parsed(self, topic: str) -> tuple[str, str] | None:
        try:
            return self._topics[topic]
        except KeyError:
            if len(self._topics) >= _TOPICS_MAX:
                self._topics.clear()
            parsed = self._topics[topic] = parse(topic)
            return parsed

    def _agent_of(self, message: Message) -> str:
        parsed = self._parsed(message.topic)
        return parsed[0] if parsed else ""


def _filled(pack: Pack, message: Message) -> FilledRow:
    times = [reading.time_us for reading in pack.readings] or [message.arrived_us]
    return FilledRow(agent=pack.agent, boot=pack.boot, seq=pack.seq, start_us=min(times), stop_us=max(times))


def _gap(event: Event, agent: str, cause: GapCause, lost: tuple[int, int] | None, start_us: int, stop_us: int) -> GapRow:
    from_seq, to_seq = lost or (None, None)
    sensor, text = event.sensor[:64].replace("\0", ""), event.text.replace("\0", "")
    return GapRow(agent=agent, boot=event.boot, seq=event.seq, sensor=sensor, start_us=start_us, stop_us=stop_us, cause=cause.value, from_seq=from_seq, to_seq=to_seq, text=text)


def _said(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _range(first: int | None, last: int | None) -> tuple[int, int] | None:
    """Seqs as every database can hold them."""
    return (first, last) if first is not None and last is not None and 0 <= first <= last < 2**63 else None


def _micros(seconds: float | None, otherwise_us: int) -> int:
    """Unix seconds of a message; a time that is none is replaced by the next best."""
    return round(seconds * SECOND_US) if seconds is not None and abs(seconds) < 9e9 else otherwise_us
