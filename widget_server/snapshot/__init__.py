"""What the sync side writes and the web side reads: immutable, versioned, verified snapshots on disk."""
