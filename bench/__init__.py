"""What a device costs, measured against a bare client that does the same writes in the same run."""
