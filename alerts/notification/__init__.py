"""How people are reached: who is called, in whose words, by which channel, and how it is known that the channels work."""
