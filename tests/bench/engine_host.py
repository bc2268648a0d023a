"""The engine as the benchmark measures it: one sender's source forwarded to N receivers.

Arguments: the sender's port, then the receivers' ports, all on 127.0.0.1; `--plain` first turns
GSO off. Prints the engine's port; when its input ends, prints CPU time and packets sent.
"""

import json
import sys
import time

from octoengine import Command, Engine

SSRC = 0x0C70F1EE
PROFILE = "SRTP_AEAD_AES_128_GCM"


def key(number: int) -> bytes:
    """Return peer `number`'s key and salt, as the load and the bare loop have them."""
    return bytes(byte ^ (number * 37 & 0xFF) for byte in range(28))


def commands(socket: int, ports: list[int]) -> list[Command]:
    wanted: list[Command] = []
    for number, port in enumerate(ports):
        wanted += [
            Command.AddTransport(number, 1),
            Command.SelectAddress(number, socket, "127.0.0.1", port),
            # Receivers' uplink keys are never used; they must only differ from the downlink's.
            Command.SetKeys(number, PROFILE, key(number or 0), key(number or 99)),
        ]
    wanted.append(Command.AddSource(0, SSRC, "video"))
    wanted += [Command.Subscribe(number, 0, SSRC) for number in range(1, len(ports))]
    return wanted


def main() -> None:
    arguments = sys.argv[1:]
    plain = arguments[0] == "--plain"
    ports = [int(port) for port in arguments[int(plain) :]]
    engine = Engine(gso=not plain)
    socket, port = engine.bind("127.0.0.1")
    engine.submit(commands(socket, ports))
    before = engine.stats().counters["packets_sent"]
    # What starting Python costs is not what forwarding costs; waking, reports and all that the
    # engine's thread does besides is.
    started = time.process_time_ns()
    print(port, flush=True)
    sys.stdin.read()
    used = time.process_time_ns() - started
    counters = engine.stats().counters
    sent = counters["packets_sent"] - before
    engine.close()
    dropped = {name: value for name, value in counters.items() if "dropped" in name and value}
    print(json.dumps({"cpu_ns": used, "sent": sent, "dropped": dropped}))


main()
