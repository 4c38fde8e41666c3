"""The joint committee: what both sides review, agree on or dissent from, sign, and do about it. A pure fold of its journal, and the commands that append to it."""
