"""The two doors: the Paste entry (factory.py) and the command (cli/), each up to the journal."""
