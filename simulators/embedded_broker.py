"""python -m simulators.embedded_broker PORT: an MQTT 5 broker from PyPI (rumqttd), for machines
without mosquitto. It keeps nothing over a restart."""

import sys
import tempfile
from pathlib import Path

from iotcore import Broker

CONFIG = """
id = 0

[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 1000
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 500
dynamic_filters = true
"""


def main() -> None:
    """Serve until SIGTERM."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "rumqttd.toml"
        config.write_text(CONFIG.format(port=int(sys.argv[1])))
        Broker(config_path=str(config)).run_forever()


if __name__ == "__main__":
    main()
