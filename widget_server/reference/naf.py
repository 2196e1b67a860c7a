"""NAF rév. 2: the labels of sectors."""

from dataclasses import dataclass

from widget_server.reference.tables import SHIPPED, Tables


@dataclass(frozen=True, kw_only=True)
class Naf:
    """Labels of NAF rév. 2, by code with or without its dot."""

    labels: dict[str, str]

    @classmethod
    def load(cls, tables: Tables = SHIPPED) -> "Naf":
        """Read the table."""
        return cls(labels=dict(tables.rows("naf")))

    def label(self, code: str) -> str | None:
        """The label of a code, None when it is unknown."""
        return self.labels.get(code.replace(".", "").upper())
