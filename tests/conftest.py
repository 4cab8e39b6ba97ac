"""How hypothesis searches, in all tests: as long as it takes, and nothing is kept on disk."""

from hypothesis import settings

settings.register_profile("here", deadline=None, database=None)
settings.load_profile("here")
