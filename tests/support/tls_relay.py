"""A man in the middle: takes connections, relays them to a server, and keeps what the client said.

    Relay(target, tls, asks, answers)   TARGET is a unix socket's path or (host, port). With TLS, a server's context, the
                                        client's side of it ends here and .heard is what it was told in clear. ASKS and
                                        ANSWERS, (old, new), are replaced on the way there and back.
    .change(tls)                        ends what is connected, and goes on with other TLS.
"""

import re
import socket
import threading

from listener import close_listener


class Relay:
    def __init__(self, target, tls=None, asks=None, answers=None):
        self.target, self.tls = target, tls
        self.asks, self.answers = asks, answers
        self.heard = bytearray()
        self.clients = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _connect(self):
        if isinstance(self.target, tuple):
            return socket.create_connection(self.target)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        return server

    def _serve(self, client):
        try:
            client.settimeout(30)
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            server = self._connect()
        except OSError:
            client.close()
            return
        self.clients.add(client)
        threading.Thread(target=self._pump, args=(server, client, self.answers), daemon=True).start()
        self._pump(client, server, self.asks, self.heard)
        self.clients.discard(client)

    @staticmethod
    def _pump(source, target, change, keep=None):
        try:
            while data := source.recv(65536):
                if keep is not None:
                    keep += data
                target.sendall(re.sub(*change, data) if change else data)
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        source.close()

    def change(self, tls):
        self.tls = tls
        for client in list(self.clients):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        close_listener(self.listener)
