"""RNCP sheets and the occupations that they lead to."""

from dataclasses import dataclass

from widget_server.reference.tables import SHIPPED, Tables


@dataclass(frozen=True, kw_only=True)
class Certifications:
    """RNCP sheets and their ROME codes; only test rows ship, an operator brings the whole file."""

    by_rncp: dict[str, tuple[str, ...]]

    @classmethod
    def load(cls, tables: Tables = SHIPPED) -> "Certifications":
        """Read the table."""
        found: dict[str, tuple[str, ...]] = {}
        for rncp, rome in tables.rows("rncp_rome"):
            found[rncp] = (*found.get(rncp, ()), rome)
        return cls(by_rncp=found)

    def romes(self, rncp: str) -> tuple[str, ...]:
        """The ROME codes of a sheet such as "RNCP509", () when it is unknown."""
        return self.by_rncp.get(rncp.upper(), ())
