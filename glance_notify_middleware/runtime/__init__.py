"""Processes and threads: what is done when they start and end; the filter's own log.

In the order in which to read: startup and shutdown (begin and end of a process), own_log (how an
error is logged), ids (UUIDs), giving_way (how requests run beside the relay).
"""
