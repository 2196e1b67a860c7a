"""Why a record is in a snapshot, or is not."""

from dataclasses import dataclass
from typing import Literal

from widget_server.snapshot.shelf import Snapshot

Fate = Literal["card", "merged", "rejected", "absent"]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What became of one id in one version.

    fate    card: it is shown; merged: it is shown on another card; rejected: a rule kept it out; absent: the upstream
            did not send it in this harvest
    told    one line for each thing worth knowing: rule and detail, flags, where it was merged
    """

    source: str
    version: str
    as_of: str
    fate: Fate
    told: tuple[str, ...] = ()


def explain(row_id: str, snapshot: Snapshot) -> Explanation:
    """Look an id up among the cards, the merged and the rejected."""
    manifest = snapshot.manifest
    found = snapshot.find(row_id)
    rejected = snapshot.cards.rejected(row_id)
    fate: Fate = "absent"
    told: list[str] = []
    if found is not None:
        card, also_on, _ = found
        fate = "card" if card.id == row_id else "merged"
        told.append(f"{card.kind} {card.id}: {card.title} ({card.place.label}, {', '.join(card.romes)})")
        told += [f"says the same: {other.id} from {other.label}" for other in also_on]
        told += [f"flag: {flag}" for flag in card.flags]
    elif rejected:
        fate = "rejected"
    told += [f"rejected by {reason}: {detail}" if detail else f"rejected by {reason}" for reason, detail in rejected]
    return Explanation(
        source=manifest.source.name,
        version=manifest.version,
        as_of=manifest.harvest.as_of,
        fate=fate,
        told=tuple(told),
    )
