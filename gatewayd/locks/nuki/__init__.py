"""Nuki Smart Locks over Bluetooth. Bytes in, bytes out: nothing here touches a radio or a clock."""
