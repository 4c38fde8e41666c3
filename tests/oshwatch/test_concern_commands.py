"""`oshwatch keys` and `oshwatch concerns`: a private key is printed once and kept nowhere; a sealed file opens away from the centre."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from console.sealing import Concern, SealedFile, new_key, public_key_of, seal
from domain.registry import ALWAYS_US, SiteFile, SiteSpec
from oshwatch.cli import run
from storage.records.concerns import ConcernsRepository
from storage.records.engine import open_records
from storage.records.registry import RegistryRepository


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A centre of the administration with one site."""
    for name, value in {"OSHWATCH_DATA_DIR": str(tmp_path), "OSHWATCH_OPERATOR": "administration"}.items():
        monkeypatch.setenv(name, value)
    engine = open_records(f"sqlite:///{tmp_path}/oshwatch.db")
    file = SiteFile(site=SiteSpec(id="f1", name="Sunrise", timezone="Asia/Ho_Chi_Minh", country="VN"))
    RegistryRepository(engine).import_file(file, valid_from_us=ALWAYS_US, author="test", reason="", now_us=0)
    engine.dispose()
    return tmp_path


def public_keys(centre: Path) -> dict[str, bytes]:
    engine = open_records(f"sqlite:///{centre}/oshwatch.db")
    try:
        return {side: key.public_key for side, key in ConcernsRepository(engine).keys("f1").items()}
    finally:
        engine.dispose()


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_a_pair_made_here_is_printed_once_and_only_its_public_half_kept(centre: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "create", "--side", "worker", "--site", "f1"]) == 0
    private = last_line(capsys)
    assert list(public_keys(centre)) == ["worker"]
    assert not [path for path in centre.rglob("*") if path.is_file() and private.encode() in path.read_bytes()]
    assert run(["keys", "list", "--site", "f1"]) == 0
    assert private not in capsys.readouterr().out


def test_a_sealed_file_opens_with_its_key_alone(centre: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "generate"]) == 0
    _, public, _, private = capsys.readouterr().out.splitlines()
    assert run(["keys", "create", "--side", "worker", "--site", "f1", "--public-key", public]) == 0
    assert private not in capsys.readouterr().out
    assert public_keys(centre)["worker"] == public_key_of(public)
    concern = Concern(kind="smell", text="glue\nall day", zones=["f1.gluing"], date="2026-11-25", shift="A")
    sealed, key, other = tmp_path / "sealed.json", tmp_path / "key.txt", tmp_path / "other.txt"
    sealed.write_bytes(msgspec.json.encode(SealedFile(site="f1", sealed=[seal(concern, public_key_of(public))])))
    key.write_text(private + "\n")
    assert run(["concerns", "read", "--key", str(key), "--input", str(sealed)]) == 0
    assert capsys.readouterr().out == "2026-11-25\tA\tf1.gluing\tsmell\tglue all day\n"
    run(["keys", "generate"])
    other.write_text(last_line(capsys))
    assert run(["concerns", "read", "--key", str(other), "--input", str(sealed)]) == 1
    assert capsys.readouterr().out == ""


def test_no_public_key_made_here_looks_like_an_option() -> None:
    assert not [public for _, public in (new_key() for _ in range(1_000)) if public.startswith("-")]


def test_a_key_is_replaced_only_on_purpose(centre: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create = ["keys", "create", "--side", "inspectorate", "--site", "f1"]
    assert run(create) == 0
    first = public_keys(centre)
    assert run(create) == 2
    assert public_keys(centre) == first
    assert run([*create, "--replace"]) == 0
    assert public_keys(centre) != first


def test_a_factorys_own_centre_makes_no_key(centre: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OSHWATCH_OPERATOR", "factory")
    assert run(["keys", "create", "--side", "worker", "--site", "f1"]) != 0
    assert public_keys(centre) == {}
    assert "employer" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--site", "nowhere"], ["--site", "f1", "--public-key", "short"], ["--site", "f1", "--public-key", "oshwatch-concern-key-AAAA"]])
def test_what_is_no_key_or_no_site_is_said_in_one_line(centre: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(["keys", "create", "--side", "worker", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert public_keys(centre) == {}
