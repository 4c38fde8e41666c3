"""How people are reached: the rules that page and REST share."""
