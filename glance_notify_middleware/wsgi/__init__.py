"""Watches requests and responses, looks records up, follows background work, and emits the events.

Read in this order:

1. `middleware`, the filter; `plan`, what it watches the requests of a route for.
2. `application_call`, the WSGI plumbing of one request, and `observation`, which it calls: the
   facts of the request, its look-ups and its events.
3. What an observation is made of: `request` with `request_input`, `response` with `response_body`,
   `request_records`.
4. Look-ups: `lookup`, `snapshot`, `log_context`.
5. Background work: `following`, `followed_work`, `outcome`; `record_read`, which shows it the image
   records that clients are shown.
6. `emitting`, from events to the recorder; `placement`, warnings about the filter's place.
"""
