"""What is wrong is said in words that name the setting."""

from __future__ import annotations

from oshwatch.commands.doctor import _broker
from oshwatch.ports import free_port
from oshwatch.settings import load_settings


def test_a_broker_that_is_not_there_is_told_with_its_address_and_setting() -> None:
    port = free_port()
    told = _broker(load_settings({"OSHWATCH_MQTT_URL": f"mqtt://127.0.0.1:{port}"}))
    assert told is not None
    assert told.startswith(f"127.0.0.1:{port} cannot be reached")
    assert "OSHWATCH_MQTT_URL" in told
