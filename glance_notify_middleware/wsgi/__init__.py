"""Watches requests and responses, looks records up, follows background work, and emits the events.

Read in this order:

1. `middleware`, the filter; `plan`, what it watches the requests of a route for.
2. `application_call`, the WSGI plumbing of one request. It is one object with what it calls:
   `seen_operation`, the facts of the request and its look-ups, and `observation`, its events.
3. What an observation is made of: `request` with `request_input`, `response` with `response_body`,
   `request_records`.
4. Look-ups: `lookup`, `snapshot`, `log_context`.
5. Background work: `following`, `followed_work`, `outcome`; `record_read`, which shows it the image
   records that clients are shown.
6. `emitting`, from events to the recorder; `placement`, warnings about the filter's place.
"""
