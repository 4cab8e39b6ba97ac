"""Storage: what has been recorded, on disk, until it has been delivered."""
