"""The benchmark: an origin, Platter and its peers, scenarios, and what they say."""
