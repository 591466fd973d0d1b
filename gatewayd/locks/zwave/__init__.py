"""Z-Wave locks through a zwave-js server."""
