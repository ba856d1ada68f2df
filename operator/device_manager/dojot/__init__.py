"""What an installation of dojot knows, in and out: its export files and its database."""
