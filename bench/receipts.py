"""python -m bench.receipts PORT PREFIX: a cloud that does nothing but receipt each event, one by
one, in a process of its own, so that it takes no time of what is measured."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


@contextlib.asynccontextmanager
async def receipting(port: int, prefix: str) -> AsyncIterator[None]:
    """It listens while the block lasts."""
    cloud = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.receipts", str(port), prefix),
        stdout=asyncio.subprocess.PIPE,
    )
    if cloud.stdout is None or not await cloud.stdout.readline():
        raise RuntimeError("the cloud did not start")
    try:
        yield
    finally:
        cloud.terminate()
        await cloud.wait()


def at_once(_client: object, _user: object, sock: object) -> None:
    """Without Nagle's algorithm, which holds a small packet back until the last one's ACK."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def main(port: int, prefix: str) -> None:
    """Until it is ended; says a word when it listens."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)

    def receipt(_client: object, _user: object, message: mqtt.MQTTMessage) -> None:
        ids = [json.loads(message.payload)["id"]]
        client.publish(f"{prefix}ack", json.dumps({"ids": ids}).encode(), qos=1)

    def connected(*_: object) -> None:
        client.subscribe(f"{prefix}evt/+", qos=1)

    client.on_connect, client.on_message = connected, receipt
    client.on_subscribe = lambda *_: print("listening", flush=True)
    client.on_socket_open = at_once
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
