"""Plantower optical dust sensors: PMS5003, PMS7003, PMSA003, PMS3003, PMS5003T, PMS5003ST."""
