"""From several snapshots to one list: search, merge, rank."""
