"""Pure rules over values: no session, no clock, no global randomness, standard library only."""
