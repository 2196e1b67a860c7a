"""Apprenticeship trainings, offers and likely recruiters in one white-label list."""

__version__ = "0.1.0"
