"""`python -m device_manager`, and the script `device-manager` of the distribution."""

from .cli import app

if __name__ == "__main__":
    app()
