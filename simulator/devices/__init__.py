"""Virtual devices on pseudo-terminals. `wire` is the protocols as pure functions, `device` one line in a process of its own, `serve` all lines of a scenario."""
