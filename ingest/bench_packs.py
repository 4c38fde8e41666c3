"""What the benchmarks of ingest are fed with: 200 agents of 20 channels, a value each 10 s."""

from __future__ import annotations

from collections.abc import Iterator

from domain.reading import Reading
from domain.registry import AgentSpec, ChannelSpec, SiteFile, SiteSpec, ZoneSpec
from domain.senml import encode_pack
from domain.times import SECOND_US

AGENTS, CHANNELS, INTERVAL_US = 200, 20, 10 * SECOND_US
CHANNELS_IN_ALL = AGENTS * CHANNELS
_QUANTITIES = ("air_temperature", "relative_humidity", "co2", "sound_level_a_eq", "pm2_5")
_PLACEMENTS = tuple(f"line-{number}" for number in range(CHANNELS // len(_QUANTITIES)))


def channels_of(agent: str) -> list[str]:
    return [f"{agent}.{placement}.{quantity}" for placement in _PLACEMENTS for quantity in _QUANTITIES]


def bench_site(id: str) -> SiteFile:
    """The registry that the packs belong to."""
    channels = [ChannelSpec(placement=placement, quantity=quantity, zone="hall", interval_s=INTERVAL_US / SECOND_US) for placement in _PLACEMENTS for quantity in _QUANTITIES]
    agents = [AgentSpec(id=f"{id}-{number}", channels=channels) for number in range(AGENTS)]
    site = SiteSpec(id=id, name="Bench", timezone="UTC", country="VN")
    return SiteFile(site=site, zones=[ZoneSpec(id="hall", name="Hall")], agents=agents)


def packs_of(count: int, size: int, site: str, start_us: int) -> Iterator[tuple[str, bytes]]:
    """(topic, pack): agents in turn; an agent's channels come once an interval, spread over packs of `size`."""
    streams = [_stream(f"{site}-{number}", size, start_us) for number in range(AGENTS)]
    for number in range(count):
        yield next(streams[number % AGENTS])


def _stream(agent: str, size: int, start_us: int) -> Iterator[tuple[str, bytes]]:
    channels, seq, tick = channels_of(agent), 0, 0
    waiting: list[Reading] = []
    while True:
        waiting += [Reading(channel, start_us + tick * INTERVAL_US, 20.0 + (tick * 7 + index) % 300 / 10) for index, channel in enumerate(channels)]
        tick += 1
        while len(waiting) >= size:
            part, waiting = waiting[:size], waiting[size:]
            yield f"osh/v1/{agent}/data", encode_pack(agent, "bench", seq, True, part)
            seq += 1
