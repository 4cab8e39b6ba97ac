"""The mistakes in the code of each room."""

from tests.mutations.mutation import Mutation
from tests.mutations.table import (
    audit,
    brokers,
    check,
    config,
    delivery,
    doors,
    events,
    journal,
    monitoring,
    recorder,
    repair,
    runtime,
    strategies,
    webhook,
    wsgi,
)

MUTATIONS: tuple[Mutation, ...] = (
    *audit.MUTATIONS,
    *brokers.MUTATIONS,
    *check.MUTATIONS,
    *config.MUTATIONS,
    *delivery.MUTATIONS,
    *doors.MUTATIONS,
    *events.MUTATIONS,
    *journal.MUTATIONS,
    *monitoring.MUTATIONS,
    *recorder.MUTATIONS,
    *repair.MUTATIONS,
    *runtime.MUTATIONS,
    *strategies.MUTATIONS,
    *webhook.MUTATIONS,
    *wsgi.MUTATIONS,
)
