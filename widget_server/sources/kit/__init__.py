"""What every source works with: what a source is, plain text, places, facts, hygiene, reasons. It knows no source."""
