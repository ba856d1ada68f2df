"""A whole real platform on a laptop: Kubernetes, Kafka, Postgres, Redis; no Docker, no root.

`make up`, `make down`, `make clean` and `make run` call it as `python -m local`; tests use
`local.platform.Platform`. It is not part of the distribution.
"""
