"""The filter under real WSGI servers: what a server hides from it, and which events it emits."""
