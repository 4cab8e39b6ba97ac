"""The aside files: messages that are set aside, and those that an operator sends again.

`one_file` is the file of one target and one priority, `marks` what its entries say beside their
messages. The leader uses `files`, all of one strategy, and `counts`. An operator's commands use
`sending_again` and `operator_requests`.
"""
