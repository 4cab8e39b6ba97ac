"""The filter between doubles: a server that keeps a trace, and applications that play Glance."""
