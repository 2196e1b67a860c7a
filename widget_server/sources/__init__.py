"""One file per source: its upstream calls, its payload, its mapping to cards."""
