"""The core of the device manager: what a device is, and how declared devices become registered ones.

The core knows no framework: the operator (kopf), the facade (FastAPI), the monitor and the command line
are programs on top of it, and each gets its adapters from `device_registry.wiring`.
"""
