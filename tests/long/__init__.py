"""What takes long to see: hundreds of kills, a backlog of a night, a cluster that loses nodes."""
