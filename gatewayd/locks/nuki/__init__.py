"""Nuki Smart Locks over Bluetooth.

From the bottom up: `wire` to `pairing` turn bytes into commands and back, and touch neither a radio
nor a clock; `adapter` and `bluez` are the hub's side of the air; `connection` is one link,
`conversation` what is said on it; `session`, `upkeep` and `pair` are what it is used for; `radio`
holds it all together.
"""
