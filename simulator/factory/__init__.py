"""A factory over days and months, as arrays over channels and time: what the long record, the models' evaluation and the replay of a policy need."""
