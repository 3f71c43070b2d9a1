"""The organiser's desk: where the people who run a campaign look after it."""
