"""Pure exposure science as array functions: no I/O, no clock. `heat`, `noise`, `airborne`, `statistics`, `limits` (dated profiles) and `anomaly`. May import domain only."""
