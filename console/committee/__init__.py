"""The joint committee on the console: what REST and the pages share."""
