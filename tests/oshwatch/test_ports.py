"""Where the console would listen: what is in the way is told with the setting's name and what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from domain.errors import BadInput
from oshwatch.ports import Claims, check_listen, free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_a_free_port_is_left_free() -> None:
    port = free_port()
    check_listen("127.0.0.1", port)
    check_listen("localhost", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_port_that_another_program_has_is_refused_with_the_settings_name(host: str, taken: int) -> None:
    with pytest.raises(BadInput, match=f"OSHWATCH_LISTEN: {host}:{taken}: something else listens there") as caught:
        check_listen(host, taken)
    assert "another port" in caught.value.remedy


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BadInput, match=r"OSHWATCH_LISTEN: 192\.0\.2\.7:8080: no address of this machine"):
        check_listen("192.0.2.7", 8080)


def test_of_two_that_want_a_free_port_one_has_it(taken: int) -> None:
    first, second, port = Claims(), Claims(), free_port()
    assert first.take(port)
    assert not second.take(port)
    assert second.any() != port
    assert not first.take(taken)
    first.close()
    assert second.take(port)
    second.close()
