"""Commands about the filter's section: `config`, `sample` and `explain`.

`described` makes the request/response pair that `explain` has the rules judge.
"""
