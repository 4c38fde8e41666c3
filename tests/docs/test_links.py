"""Documents do not rot: links lead somewhere, and nothing in the project names a machine it was made on or a registry's host."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.check

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "proxy.golang" + ".org", "crates" + ".io/api", "deb.debian" + ".org")
PATHS = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]+)/")


def committed() -> list[Path]:
    """Files under version control, or all of a source archive."""
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.splitlines() if done.returncode == 0 else [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def documents() -> list[Path]:
    return [path for path in committed() if path.suffix == ".md"]


def links(path: Path) -> Iterator[tuple[int, str]]:
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced:
            yield from ((number, target) for target in LINK.findall(line))


def test_there_are_documents() -> None:
    assert {"README.md", "ARCHITECTURE.md"} <= {path.name for path in documents()}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    dead = [f"line {number}: {target}" for number, target in links(path) if "://" not in target and not (path.parent / target.partition("#")[0]).exists()]
    assert dead == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_anchor_is_a_heading(path: Path) -> None:
    for number, target in links(path):
        file, _, anchor = target.partition("#")
        if anchor and "://" not in target:
            text = (path.parent / file if file else path).read_text(encoding="utf-8")
            headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
            assert anchor in headings, f"line {number}: {target}"


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in committed():
        if path.suffix in (".png", ".ico", ".bin", ".db", ".npz", ".gz") or path.name == "package-lock.json":
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {host}" for host in HOSTS if host in text]
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in PATHS.finditer(text)]
    assert found == []


def test_npm_lock_names_no_host() -> None:
    """Where packages come from is the machine's business; their hashes are ours."""
    for path in committed():
        if path.name == "package-lock.json":
            assert '"resolved"' not in path.read_text(encoding="utf-8"), path
