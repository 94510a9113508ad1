"""Figure families: each is a function from results to pictures."""
