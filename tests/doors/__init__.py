"""The two doors: the Paste entry and the command."""
