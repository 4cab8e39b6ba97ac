"""One leader on a node: from the journal to the strategies."""
