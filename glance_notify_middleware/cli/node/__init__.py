"""Commands about the state of this node: `status`, `metrics` and `drain`.

`reading` gives out the state. `verdict` judges it; `output`, `nagios` and `collector` are its forms
for people and programs, for a plugin of Nagios, and for Prometheus. `metrics_server` serves the
metrics in the process of the relay.
"""
