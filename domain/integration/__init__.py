"""How other systems hear of what happens here."""
