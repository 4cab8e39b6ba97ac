"""Commands that change what is in a journal: dead letters, messages set aside, and `replay`.

`journal` opens the journal of the section for them, `confirming` asks before something is dropped.
`dead`, `aside` and `replay` have the commands.
"""
