"""The command `device-manager`: starts the programs, and does what people do by hand."""
