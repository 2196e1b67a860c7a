"""How the offers of France Travail are read to the last one: searches, their splitting, partitions and the journal."""
