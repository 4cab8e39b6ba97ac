"""The two doors: the Paste entry (factory.py) and the command (cli.py), each up to the journal."""
