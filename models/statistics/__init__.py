"""Statistics of shift results: one result is one shift or one sample of a worker or a place, never a minute. Concentrations in any one unit, the limit in the same; shares as fractions."""
