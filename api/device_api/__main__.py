"""`python -m device_api`: the facade as a process, configured by its environment."""

from device_registry.settings import Settings

from .program import run

if __name__ == "__main__":
    run(Settings())
