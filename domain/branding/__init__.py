"""How organizations look: their colours, words and pictures."""
