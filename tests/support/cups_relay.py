"""A relay before a cupsd, or a printer that is talked to directly, that loses answers: the request arrives whole, its answer does not.

    Relay(server, path, lose)   listens at PATH; LOSE is a file with an IPP operation ("0x0005"): the next answer to
                                that operation is dropped with its connection, and the file is removed. With "0x0005
                                before" the request is dropped instead: the connection ends before cupsd has it all; with
                                "0x0005 early", before it has anything of it. Of several
                                lines each is what is lost next. An address is a path or (host, port).
"""

import pathlib
import socket
import threading


def family_of(address):
    return socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX


class Relay:
    def __init__(self, server, address, lose):
        self.server, self.lose = server, pathlib.Path(lose)
        self.listener = socket.socket(family_of(address))
        if isinstance(address, tuple):
            self.listener.bind(address)
        else:
            pathlib.Path(address).unlink(missing_ok=True)
            self.listener.bind(str(address))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.socket(family_of(self.server)) as server, client.makefile("rb") as requests:
            try:
                server.connect(self.server)
                with server.makefile("rb") as answers:
                    while self._exchange(client, requests, server, answers):
                        pass
            except OSError:
                pass

    def _wanted(self, body):
        if not self.lose.exists():
            return None
        line, _, others = self.lose.read_text().partition("\n")
        words = line.split()
        if int(words[0], 16) != int.from_bytes(body[2:4], "big"):
            return None
        if others:
            self.lose.write_text(others)
        else:
            self.lose.unlink()
        return words[1] if len(words) > 1 else "after"

    def _exchange(self, client, requests, server, answers):
        head, size = read_head(requests)
        if not head:
            return False
        if b"100-continue" in head.lower():
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = requests.read(size)
        wanted = self._wanted(body)
        if wanted == "early":
            return False
        server.sendall(without_expect(head) + (body[:-1] if wanted == "before" else body))
        if wanted == "before":
            return False
        answer, size = read_head(answers)
        content = answers.read(size)
        if wanted or not answer:
            return False
        client.sendall(answer + content)
        return True


def read_head(stream):
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line)
    sizes = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")]
    return (b"".join(lines) + b"\r\n" if lines else b""), (sizes or [0])[0]


def without_expect(head):
    return b"".join(line for line in head.splitlines(True) if not line.lower().startswith(b"expect:"))
