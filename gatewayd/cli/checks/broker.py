"""The broker: whether the hub could connect, without disturbing the hub that is connected."""

import ssl

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gatewayd.cli.checks.finding import Finding, broken, ok, warning
from gatewayd.clock import Clock
from gatewayd.cloud.connection import Address, Broker
from gatewayd.config import Config

ANSWERS_S = 5.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
IN_TURN_S = 0.1


def broker(config: Config, as_whom: Broker, clock: Clock) -> list[Finding]:
    """Each of its addresses, and whether codes travel in the clear."""
    found = [_reached(as_whom, address, clock) for address in as_whom.addresses]
    if as_whom.tls is None and not LOOPBACK.issuperset(a.host for a in as_whom.addresses):
        todo = "set mqtt.tls = true, and mqtt.ca_file where the authority is your own"
        found.append(warning("tls", "codes travel to the broker in the clear", todo))
    elif config.mqtt.tls:
        found.append(ok("tls", "codes travel under TLS"))
    return found


def _reached(as_whom: Broker, address: Address, clock: Clock) -> Finding:
    """With an id of its own, without a will, and without a session that would stay."""
    where = f"{address.host}:{address.port}"
    try:
        code = _answer(as_whom, address, clock)
    except ssl.SSLCertVerificationError as error:
        text = f"{where} shows a certificate that is not trusted: {error.verify_message}"
        return broken("broker", text, "mqtt.ca_file names its authority; is the host's name right?")
    except ssl.SSLError as error:
        todo = "does it speak TLS on that port? mqtt.port, mqtt.tls, mqtt.cert_file"
        return broken("broker", f"{where}: no TLS: {error.reason}", todo)
    except OSError as error:
        todo = "does it run, and does the firewall let the hub out? mqtt.host, port, mqtt.tls"
        return broken("broker", f"{where} cannot be reached: {error}", todo)
    if code is None:
        todo = "is it an MQTT broker? mqtt.port, mqtt.tls, mqtt.protocol"
        return broken("broker", f"{where} does not answer", todo)
    if code.is_failure:
        todo = "mqtt.username, mqtt.password_file, and the broker's own list of users"
        return broken("broker", f"{where} refuses: {code}", todo)
    return ok("broker", f"{where} lets the hub in")


def _answer(as_whom: Broker, address: Address, clock: Clock) -> ReasonCode | None:
    """The broker's to a connection that ends at once; None: none, or no MQTT.

    Raises:
        OSError, among them SSLError: it cannot be reached.
    """
    said: list[ReasonCode] = []
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{as_whom.client_id}-doctor",
        protocol=mqtt.MQTTv311 if as_whom.legacy else mqtt.MQTTv5,
        reconnect_on_failure=False,
    )
    client.on_connect = lambda *told: said.append(told[3])
    client.connect_timeout = ANSWERS_S
    if as_whom.username:
        client.username_pw_set(as_whom.username, as_whom.password)
    if as_whom.tls:
        client.tls_set_context(as_whom.tls)
    until = clock.tick() + ANSWERS_S
    client.connect(*address)
    while not said and clock.tick() < until:
        if client.loop(IN_TURN_S) != mqtt.MQTT_ERR_SUCCESS:
            break
    client.disconnect()
    return said[0] if said else None
