"""Licences that more than one source owes the same words and link."""

from typing import Final

FRANCE_TRAVAIL_OFFERS: Final = (
    "https://francetravail.io/produits-partages/documentation/conditions-dutilisation-api/licence-offres-emploi"
)
"""The licence of the offers of France Travail, through whichever door they come."""
