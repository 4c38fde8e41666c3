"""Records that change a verdict, as people enter, sign and read them: calibrations, zones' values, lab results, the monitoring plan."""
