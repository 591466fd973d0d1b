"""One door for every command, from MQTT, socket or site file."""
