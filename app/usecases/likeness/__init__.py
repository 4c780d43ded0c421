"""Who shows the same photograph: groups, what is inherited in them, leaks."""
