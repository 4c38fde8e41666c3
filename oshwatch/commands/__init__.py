"""One module a command family; each is imported only when its command runs."""
