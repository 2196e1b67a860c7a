"""What an operator runs: sources read onto their shelves, on a schedule; newer reference tables."""
