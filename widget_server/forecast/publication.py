"""Who may be shown: one statement for the reasons that are written, the release, and the gate that checks it."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from widget_server.forecast.clock import Origin

WITHHELD_NAF: Final = ("7820Z", "85")
"""Temporary work and teaching: their contracts are worked elsewhere, so their counts say nothing of the place."""
REASONS_HELD: Final = ("opted_out", "closed", "not_diffusible", "naf_withheld", "unnamed")
"""Why somebody who is scored is not shown, in the order in which they are asked."""


def held_sql(origin: Origin, stock: date, withheld_naf: Sequence[str]) -> str:
    """`siret, held` of the establishments of a stock file: why each may not be shown, null for who may."""
    naf = " OR ".join(f"starts_with(naf, '{code.replace('.', '')}')" for code in withheld_naf) or "false"
    return f"""
        SELECT siret, CASE
            WHEN siret IN (SELECT siret FROM opt_out WHERE scope = 'all') THEN 'opted_out'
            WHEN closed <= DATE '{origin.first_day}' THEN 'closed'
            WHEN NOT coalesce(diffusible, false) THEN 'not_diffusible'
            WHEN {naf} THEN 'naf_withheld'
            WHEN name IS NULL OR postcode IS NULL THEN 'unnamed'
        END AS held
        FROM establishments WHERE as_of = DATE '{stock}'"""
