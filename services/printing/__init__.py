"""What is printed: travellers of orders and labels, set by typst."""
