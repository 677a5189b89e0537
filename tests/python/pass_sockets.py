"""Takes the place of systemd: opens sockets, and becomes the program that they are passed to.

pass_sockets.py [tcp|udp|connected|unix:PATH]... -- PROGRAM [ARGUMENT]...
"""

import os
import socket
import sys

FIRST = 3


def opened(kind):
    if kind.startswith("unix:"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(kind.removeprefix("unix:"))
        listener.listen()
        return listener
    if kind == "udp":
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener = socket.create_server(("127.0.0.1", 0))
    if kind == "connected":
        return socket.create_connection(listener.getsockname())
    return listener


split = sys.argv.index("--")
kinds, program = sys.argv[1:split], sys.argv[split + 1 :]
# Out of the way of those that they become.
sockets = [os.dup2(opened(kind).detach(), 50 + index, False) for index, kind in enumerate(kinds)]
for index, descriptor in enumerate(sockets):
    os.dup2(descriptor, FIRST + index)
environment = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kinds)))
os.execve(program[0], program, environment)
