"""Small mistakes, and the tests that see each of them."""
