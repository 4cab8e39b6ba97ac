"""`glance-notify check`: what is wrong with a deployment, and the line that mends each thing.

`command` asks each of the other modules about its subject, and prints what they find. Each gives
all that it finds: what one line has wrong hides nothing else. None prints what a line says that can
be a password, nor the name of a line that is no option.
"""
