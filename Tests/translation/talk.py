"""Sends and receives for the translator's tests: talk.py MODE ADDRESS [SIZE [SOURCE]].

tcp-serve, udp-serve: answer one client with what it sends; tcp, udp: send SIZE bytes and print how many came back.
udp-plain: as udp, without a checksum (IPv4 only).
serve: answers everybody by TCP and UDP until it is killed; who asks "who?" is told its own address and port.
who-tcp, who-udp: print what `serve` says; SIZE is the own port, 0 for any.
refused: sends a datagram to a port that nobody has, and prints "refused" when it is told so.
many: sends one datagram from each of SIZE ports and prints how many were answered.
"""
import socket
import sys

mode, address = sys.argv[1:3]
size = int(sys.argv[3]) if len(sys.argv) > 3 else 0
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if mode.startswith("tcp") else socket.SOCK_DGRAM
s = socket.socket(family, kind)
s.settimeout(5)
PORT = 7007


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def answer(data, peer):
    return f"{peer[0]} {peer[1]}".encode() if data == b"who?" else data


def serve_connection(connection, peer):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(answer(data, peer))


def serve_datagrams():
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(answer(data, peer), peer)


if mode == "serve":
    import threading

    s = socket.socket(family, socket.SOCK_DGRAM)
    listener = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for one in (s, listener):
        one.bind((address, PORT))
    listener.listen(128)
    threading.Thread(target=serve_datagrams, daemon=True).start()
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve_connection, args=listener.accept(), daemon=True).start()
elif mode in ("who-tcp", "who-udp"):
    s = socket.socket(family, socket.SOCK_STREAM if mode == "who-tcp" else socket.SOCK_DGRAM)
    s.settimeout(5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", size))
    s.connect((address, PORT))
    s.send(b"who?")
    print(s.recv(100).decode())
elif mode == "refused":
    s.connect((address, 7999))
    for _ in range(3):
        try:
            s.send(b"anybody?")
            s.settimeout(2)
            s.recv(100)
        except ConnectionRefusedError:
            print("refused")
            break
        except TimeoutError:
            continue
elif mode == "many":
    import resource
    import select
    import time

    resource.setrlimit(resource.RLIMIT_NOFILE, (size + 100, size + 100))
    waiting = select.epoll()
    sockets = {}
    for number in range(size):
        one = socket.socket(family, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.connect((address, PORT))
        one.send(b"one")
        sockets[one.fileno()] = one
        waiting.register(one, select.EPOLLIN)
        if number % 50 == 0:
            time.sleep(0.06)  # below the gateway's limit of new flows
    answered = 0
    while events := waiting.poll(2):
        for descriptor, _ in events:
            answered += 1
            waiting.unregister(descriptor)
    print(answered)
elif mode == "tcp-serve":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, PORT))
    s.listen()
    print("ready", flush=True)
    echo(s.accept()[0])
elif mode == "udp-serve":
    if family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
    s.bind((address, PORT))
    print("ready", flush=True)
    data, peer = s.recvfrom(65536)
    s.sendto(data, peer)
else:
    if len(sys.argv) > 4:
        s.bind((sys.argv[4], 0))
    s.connect((address, PORT))
    sent = bytes(range(256)) * (size // 256) + bytes(size % 256)
    if mode == "tcp":
        import threading

        threading.Thread(target=lambda: (s.sendall(sent), s.shutdown(socket.SHUT_WR))).start()
        back = b""
        while data := s.recv(65536):
            back += data
    else:
        if mode == "udp-plain":
            s.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK
        if mode == "udp-fragments":
            s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
        s.send(sent)
        back = s.recv(65536)
    print("back" if back == sent else "wrong", len(back))
