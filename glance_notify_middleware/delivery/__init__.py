"""One leader on each node brings the journals of all its processes to the strategies.

In the order in which to read: relay (one process leads), lane (a thread for each strategy),
subscription, window and cursors (what it has read, what is on its way, how far it has come),
dispatcher (which messages are sent next), connection (to the broker), priorities, set_aside and
dead_letters (messages that do not go), the room aside (their files), state_log (what is logged of
all that); settling, dead_processes and retiring (which files are removed); hosting,
maintenance_thread and leader_watch (what runs in each process); assembly (puts all of it together).
What operators see of it: target_counts (what the leader counts), the room node (the state of a
node), dead_files (the dead letters), count_folding (with logging alone).
"""
