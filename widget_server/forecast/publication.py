"""Who may be shown: one statement for the reasons that are written, the release, and the gate that checks it."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from widget_server.forecast.clock import Origin

LEAST_P: Final = 0.03
"""Pairs of at least this probability are published."""
BEST_OF_PLACE: Final = 200
"""So many of each ROME and département are published whatever their probability, so that rural lists are not empty."""
WITHHELD_NAF: Final = ("7820Z", "85")
"""Temporary work and teaching: their contracts are worked elsewhere, so their counts say nothing of the place."""
REASONS_HELD: Final = ("opted_out", "closed", "not_diffusible", "naf_withheld", "unnamed")
"""Why somebody who is scored is not shown, in the order in which they are asked."""


def held_sql(origin: Origin, stock: date, withheld_naf: Sequence[str]) -> str:
    """`siret, departement, held` of the establishments of a stock file: why each may not be shown, null for who may."""
    naf = " OR ".join(f"starts_with(naf, '{code.replace('.', '')}')" for code in withheld_naf) or "false"
    return f"""
        SELECT siret, departement, CASE
            WHEN siret IN (SELECT siret FROM opt_out WHERE scope = 'all') THEN 'opted_out'
            WHEN closed <= DATE '{origin.first_day}' THEN 'closed'
            WHEN NOT coalesce(diffusible, false) THEN 'not_diffusible'
            WHEN {naf} THEN 'naf_withheld'
            WHEN name IS NULL OR postcode IS NULL THEN 'unnamed'
        END AS held
        FROM establishments WHERE as_of = DATE '{stock}'"""


def kept_sql(scores: str, held: str, *, least_p: float = LEAST_P, best: int = BEST_OF_PLACE) -> str:
    """The pairs of a table of scores that are published: `p` is high enough, or one of the best of its place.

    `held` is the statement of `held_sql`; who may not be shown takes nobody's place.
    """
    return f"""
        SELECT scores.* FROM {scores} AS scores JOIN ({held}) AS shown ON shown.siret = scores.siret
        WHERE shown.held IS NULL
        QUALIFY p >= {least_p} OR row_number() OVER (
            PARTITION BY rome, shown.departement ORDER BY p DESC, scores.siret
        ) <= {best}"""
