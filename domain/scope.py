"""Who is asking and what they may see: the first argument of every repository method that answers a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.registry import SiteSpec


class Role(StrEnum):
    OFFICER = "officer"
    WORKER_REPRESENTATIVE = "worker_representative"
    MANAGEMENT_REPRESENTATIVE = "management_representative"
    INSPECTOR = "inspector"
    PROGRAMME = "programme"
    ADMINISTRATOR = "administrator"

    @property
    def side(self) -> str:
        """The bipartite side: worker, management, or neither."""
        if self is Role.WORKER_REPRESENTATIVE:
            return "worker"
        return "management" if self in (Role.MANAGEMENT_REPRESENTATIVE, Role.OFFICER) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A person, their role and the part of the country they may see: a site id, `country:XX` or `*`."""

    user: str
    role: Role
    grant: str

    def sees(self, site: SiteSpec) -> bool:
        return self.grant in ("*", site.id, f"country:{site.country}")
