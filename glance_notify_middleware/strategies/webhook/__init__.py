"""The webhook strategy: HTTP/1.1 over TLS, by urllib3.

Read in this order: `description` (what the rest of the code must know, without the library),
`strategy` (what is special in how it sends), `answers` (what follows from a status), `requests`
(which messages go together, and their headers), `signing` (Standard Webhooks), `client` (a
connection of which every wait has an end), `sender` (what is read from the files at each
connection).
"""
