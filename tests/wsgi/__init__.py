"""The plumbing between server and application, with applications that are told what to do."""
