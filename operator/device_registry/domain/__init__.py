"""The pure part of the core: values, rules and decisions. No I/O, no clock, no framework."""
