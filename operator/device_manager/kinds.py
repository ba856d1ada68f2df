"""Words that options take."""

from enum import StrEnum


class Source(StrEnum):
    """Where an export reads."""

    CLUSTER = "cluster"
    REGISTRY = "registry"


class Form(StrEnum):
    """What an export is written as."""

    MANIFESTS = "manifests"
    DOJOT = "dojot"
