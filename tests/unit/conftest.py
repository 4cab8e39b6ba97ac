"""How hypothesis searches: as long as it takes, and nothing is kept on disk."""

from hypothesis import settings

settings.register_profile("unit", deadline=None, database=None)
settings.load_profile("unit")
