"""The event contract, pure: from what was seen of a request to events, notifications and messages.

Read `operations` first (which API call is which operation; `matching` reads its table), then
`notification` (event, notification, message), `exchange` (what was seen of a request and its
response) and `rules` (the events that follow). `images` and `failure` make the payloads; `identity`
finds the requester, and `addresses` the destination address. `background` and `tasks` judge what
Glance goes on with after its answer; `intent` is for operations whose end nobody saw. `formats`
makes of a message what is sent. `patch`, `bounds` and `escaping` are small helpers.
"""
