"""Where notifications go: a module for each strategy, which knows none of the others."""
