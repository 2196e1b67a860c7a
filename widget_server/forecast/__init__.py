"""Offline: from establishments, past hires and market tension to the recruiters that are likely to hire."""
