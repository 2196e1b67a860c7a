"""How we call other people's servers; nothing here knows what they send."""
