"""gatewayd keeps every lock of a site as its reservations say it should be."""
