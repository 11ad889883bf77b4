"""Listeners and probes inside one network namespace: real sockets, real connections.

    probe.py serve NAME LOG ADDRESS...      ADDRESS: tcp/0.0.0.0:8080, tcp/[::]:8080, tcp/*:8080 (both families), udp/...
    probe.py ask                            probes as JSON on standard input, answers on standard output
"""

import json
import socket
import struct
import sys
import threading
import time
import uuid

IN_PKTINFO, IN6_RECVPKTINFO, IN6_PKTINFO = socket.IP_PKTINFO if hasattr(socket, "IP_PKTINFO") else 8, 49, 50
PATIENCE = 2.5  # seconds: one lost SYN is sent again after 1


def plain(address):
    return address[7:] if address.startswith("::ffff:") else address


def bound(text):
    kind, _, at = text.partition("/")
    host, _, port = at.rpartition(":")
    both = host == "*"
    host = "::" if both else host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
    if kind == "udp":
        made.setsockopt(socket.IPPROTO_IP, IN_PKTINFO, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, IN6_RECVPKTINFO, 1)
    made.bind((host, int(port)))
    return kind, made


def serve_tcp(name, made):
    made.listen(64)
    while True:
        client, peer = made.accept()
        try:
            answer = {"ns": name, "port": client.getsockname()[1], "src": plain(peer[0])}
            client.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass
        client.close()


def serve_udp(name, made, log):
    while True:
        data, extra, _, peer = made.recvmsg(2000, 200)
        to, reply = None, []
        for level, kind, value in extra:
            if (level, kind) == (socket.IPPROTO_IP, IN_PKTINFO):
                to = socket.inet_ntop(socket.AF_INET, value[8:12])
                # The answer comes from the address that was asked, as of every server that means well.
                reply = [(level, kind, struct.pack("@i4s4s", 0, value[8:12], b"\0" * 4))]
            elif (level, kind) == (socket.IPPROTO_IPV6, IN6_PKTINFO):
                to = plain(socket.inet_ntop(socket.AF_INET6, value[:16]))
                reply = [(level, kind, value[:16] + struct.pack("@i", 0))]
        heard = {"ns": name, "src": plain(peer[0]), "token": data.decode(), "dst": to}
        with open(log, "a") as out:
            out.write(json.dumps(heard) + "\n")
        try:
            made.sendmsg([json.dumps(heard).encode()], reply, 0, peer)
        except OSError:
            pass


def serve(name, log, addresses):
    for text in addresses:
        kind, made = bound(text)
        work = (lambda m=made: serve_tcp(name, m)) if kind == "tcp" else (lambda m=made: serve_udp(name, m, log))
        threading.Thread(target=work, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


NO_WAY = {101: "net-unreachable", 113: "host-unreachable", 111: "refused", 13: "prohibited", 1: "not-permitted",
          22: "invalid", 99: "no-address"}


def failure(error):
    if isinstance(error, (socket.timeout, TimeoutError)):
        return "timeout"
    return NO_WAY.get(error.errno, f"errno-{error.errno}")


def ask_tcp(probe, family):
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.settimeout(PATIENCE)
        made.connect((probe["addr"], probe["port"]))
        own = plain(made.getsockname()[0])
        data = made.makefile().readline()
        if not data:
            return {"result": "closed"}
        return {"result": "connected", "own": own, "answer": json.loads(data)}


def ask_udp(probe, family):
    token = uuid.uuid4().hex
    with socket.socket(family, socket.SOCK_DGRAM) as made:
        try:
            made.connect((probe["addr"], probe["port"]))
            own = plain(made.getsockname()[0])
            made.settimeout(PATIENCE)
            made.send(token.encode())
            return {"result": "replied", "own": own, "answer": json.loads(made.recv(2000)), "token": token}
        except (socket.timeout, TimeoutError):
            return {"result": "no-reply", "token": token}
        except OSError as error:
            return {"result": failure(error), "token": token}


def ask_one(probe):
    family = socket.AF_INET6 if ":" in probe["addr"] else socket.AF_INET
    try:
        return ask_tcp(probe, family) if probe["proto"] == "tcp" else ask_udp(probe, family)
    except OSError as error:
        return {"result": failure(error)}


def ask(probes):
    answers = [None] * len(probes)

    def work(number):
        time.sleep(0.01 * (number % 20))
        answers[number] = ask_one(probes[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(probes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        json.dump(ask(json.load(sys.stdin)), sys.stdout)
