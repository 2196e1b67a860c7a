"""France and ROME: the tables that ship with the package, their look-ups and the two suggests."""
