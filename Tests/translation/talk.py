"""Sends and receives for the translator's tests: talk.py MODE ADDRESS [SIZE [SOURCE]].

tcp-serve, udp-serve: answer one client with what it sends; tcp, udp: send SIZE bytes and print how many came back.
udp-plain: as udp, without a checksum (IPv4 only).
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


if mode == "tcp-serve":
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
