"""What pages are made with: who is here, clicks, live data, errors, words."""
