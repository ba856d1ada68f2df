"""One module for each command; the rule stands in `device_manager`."""
