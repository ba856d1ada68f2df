"""Monitors that die at random while devices talk: what a consumer is told must be what the model says.

`stage` sets it up, `talk` is the devices, `reaper` kills and freezes, `verdict` judges from Kafka alone.
"""
