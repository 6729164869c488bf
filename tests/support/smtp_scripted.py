#!/usr/bin/python3
"""An SMTP server that does what its script says, also what no server should.

    smtp_scripted.py [--port N] [--record FILE] [--keep DIR] [SCRIPT]

Listens on 127.0.0.1, prints its port and serves until its standard input ends or a signal comes. SCRIPT is JSON:

    {"tls": {"cert": PATH, "key": PATH},   STARTTLS is offered; without it, not
     "minimum": "TLSv1_3",                 no older TLS is spoken
     "maximum": "TLSv1_1",                 no newer one
     "ciphers": "…",                       OpenSSL's list; with "@SECLEVEL=0" also keys and TLS that are broken
     "offer": ["SIZE 1000000", …],         further EHLO keywords
     "login": {"user": U, "password": P},  AUTH PLAIN LOGIN is offered (after STARTTLS when there is one) and required
     "STEP": ACTION or [ACTION, …]}        the n-th time of the step; the last one stays

STEP: greeting ehlo starttls auth mail rcpt data content end rset quit bdat, and nobody (DATA without a recipient; with
a 354 the message is read all the same). An ACTION is the reply's text
("451 4.3.0 Later"), null for the usual one, or an object with any of
    "reply": TEXT   "delay": SECONDS   "raw": TEXT written as it is instead of a reply
    "inject": TEXT  behind the reply, in the same write
    "drop": true    close without a reply      "reset": true   the same by RST
    "after": BYTES  (content) drop or stall after so many bytes of a message
    "stall": true   answer nothing any more    "endless": true   a reply without an end
    "drip": SECONDS one byte of the reply each time

FILE gets one JSON object a line: {"connection", "tls", "line"} for each command (an AUTH payload is left out),
{"connection", "tls", "message", "mail", "rcpt"} for each message that ended with its dot, {"connection", "cut":
bytes} for content without an end, {"connection", "end": true} at the end. DIR keeps messages as 1.eml, 2.eml …
"""
import argparse
import base64
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

from listener import close_listener

USUAL = {
    "greeting": "220 scripted.example ESMTP",
    "starttls": "220 2.0.0 Ready to start TLS",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 End data with <CR><LF>.<CR><LF>",
    "nobody": "554 5.5.1 No valid recipients",
    "content": None,
    "end": "250 2.0.0 Ok: queued as {number}",
    "rset": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
    "bdat": "250 2.0.0 Ok",
}


def tls_context(script):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if "ciphers" in script:
        context.set_ciphers(script["ciphers"])
    context.load_cert_chain(script["tls"]["cert"], script["tls"]["key"])
    context.minimum_version = ssl.TLSVersion[script.get("minimum", "TLSv1_2")]
    if "maximum" in script:
        context.maximum_version = ssl.TLSVersion[script["maximum"]]
    return context


class Gone(Exception):
    """The conversation is over."""


class Record:
    """What came, in order; one writer at a time."""

    def __init__(self, path, keep):
        self.file = open(path, "a", buffering=1) if path else None
        self.keep = keep
        self.lock = threading.Lock()
        self.messages = 0
        self.uses = {}

    def add(self, **row):
        if self.file:
            with self.lock:
                self.file.write(json.dumps(row) + "\n")

    def use(self, step):
        """How many times the step was come to before, over all connections."""
        with self.lock:
            self.uses[step] = self.uses.get(step, 0) + 1
            return self.uses[step] - 1

    def message(self, data):
        with self.lock:
            self.messages += 1
            if self.keep:
                with open(os.path.join(self.keep, f"{self.messages}.eml"), "wb") as file:
                    file.write(data)
            return self.messages


class Conversation:
    def __init__(self, sock, number, script, record):
        self.sock, self.number, self.script, self.record = sock, number, script, record
        self.buffer = b""
        self.secure = self.known = False
        self.mail = self.rcpt = None

    # Bytes

    def write(self, data):
        self.sock.sendall(data)

    def read(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.read()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    # The script

    def action(self, step):
        actions = self.script.get(step)
        use = self.record.use(step)
        if isinstance(actions, list):
            actions = actions[min(use, len(actions) - 1)]
        return {"reply": actions} if isinstance(actions, str) else actions or {}

    def act(self, step, usual=None):
        """Does the step's action; returns the reply that was given."""
        action = self.action(step)
        usual = usual or USUAL.get(step, "250 Ok")
        time.sleep(action.get("delay", 0))
        if action.get("reset"):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if action.get("drop") or action.get("reset"):
            raise Gone
        if action.get("stall"):
            self.stall()
        if action.get("endless"):
            self.endless()
        reply = action.get("raw") or action.get("reply", usual).format(number=self.record.messages) + "\r\n"
        reply += action.get("inject", "")
        if "drip" in action:
            self.drip(reply, action["drip"])
        else:
            self.write(reply.encode())
        return reply

    def stall(self):
        while self.sock.recv(65536):
            pass
        raise Gone

    def endless(self):
        while True:
            self.write(b"250-and more\r\n" * 64)

    def drip(self, reply, seconds):
        for byte in reply.encode():
            self.write(bytes([byte]))
            time.sleep(seconds)

    # The commands

    def ehlo(self, _argument):
        words = list(self.script.get("offer", []))
        if self.script.get("tls") and not self.secure:
            words.append("STARTTLS")
        elif self.script.get("login"):
            words.append("AUTH PLAIN LOGIN")
        words.append("ENHANCEDSTATUSCODES")
        lines = ["scripted.example", *words]
        self.act("ehlo", "\r\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{w}" for i, w in enumerate(lines)))

    def starttls(self, _argument):
        if not self.act("starttls").startswith("220"):
            return
        self.buffer = b""
        self.sock = tls_context(self.script).wrap_socket(self.sock, server_side=True)
        self.secure = True

    def auth(self, argument):
        words = argument.split()
        if words[0].upper() == "LOGIN":
            answers = []
            for prompt in ("Username:", "Password:"):
                self.write(b"334 " + base64.b64encode(prompt.encode()) + b"\r\n")
                answers.append(base64.b64decode(self.line()).decode())
        else:
            if len(words) < 2:
                self.write(b"334 \r\n")
                words.append(self.line())
            answers = base64.b64decode(words[1]).decode().split("\0")[1:]
        wanted = self.script.get("login") or {}
        self.known = answers == [wanted.get("user"), wanted.get("password")]
        reply = self.act("auth", "235 2.7.0 Yes" if self.known else "535 5.7.8 No")
        self.known = reply.startswith("2")

    def set_mail(self, argument):
        if self.script.get("login") and not self.known:
            self.write(b"530 5.7.0 Authentication required\r\n")
            return
        if self.act("mail").startswith("2"):
            self.mail, self.rcpt = argument, []

    def set_rcpt(self, argument):
        if self.act("rcpt").startswith("2"):
            self.rcpt.append(argument)

    def data(self, _argument):
        if self.act("data" if self.rcpt else "nobody").startswith("3"):
            self.content()

    def content(self):
        action = self.action("content")
        start = data = b"\r\n"  # the end of DATA's line: the dot may be the first
        try:
            while b"\r\n.\r\n" not in data:
                if len(data) - len(start) >= action.get("after", sys.maxsize):
                    if action.get("stall"):
                        time.sleep(3600)
                    raise Gone
                if not self.buffer:
                    self.read()
                data, self.buffer = data + self.buffer, b""
        except (Gone, OSError):
            self.record.add(connection=self.number, tls=self.secure, cut=len(data) - len(start))
            raise
        data, self.buffer = data.split(b"\r\n.\r\n", 1)
        data = (data + b"\r\n").replace(b"\r\n..", b"\r\n.").removeprefix(start)
        self.record.message(data)
        self.record.add(connection=self.number, tls=self.secure, message=data.decode("latin-1"), mail=self.mail,
                        rcpt=self.rcpt)
        self.mail = self.rcpt = None
        self.act("end")

    def rset(self, _argument):
        self.mail = self.rcpt = None
        self.act("rset")

    def quit(self, _argument):
        self.act("quit")
        raise Gone

    def command(self, line):
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        shown = verb + " " + argument.split(" ")[0] if verb == "AUTH" else line
        self.record.add(connection=self.number, tls=self.secure, line=shown)
        handlers = {"EHLO": self.ehlo, "HELO": self.ehlo, "STARTTLS": self.starttls, "AUTH": self.auth,
                    "MAIL": self.set_mail, "RCPT": self.set_rcpt, "DATA": self.data, "RSET": self.rset,
                    "QUIT": self.quit}
        if verb in handlers:
            handlers[verb](argument)
        else:
            self.write(b"502 5.5.2 Unknown\r\n")

    def run(self):
        try:
            self.act("greeting")
            while True:
                self.command(self.line())
        except (Gone, OSError, ValueError):
            pass
        finally:
            self.sock.close()
            self.record.add(connection=self.number, end=True)


class ScriptedServer:
    """The same within a Python test: start(), .port, stop()."""

    def __init__(self, script=None, record=None, keep=None, port=0):
        self.script = script or {}
        if keep:
            os.makedirs(keep, exist_ok=True)
        self.record = Record(record, keep)
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        number = 0
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = Conversation(sock, number, self.script, self.record)
            threading.Thread(target=conversation.run, daemon=True).start()

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        close_listener(self.listener)
        self.thread.join(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record")
    parser.add_argument("--keep")
    parser.add_argument("script", nargs="?", default="{}")
    options = parser.parse_args()
    server = ScriptedServer(json.loads(options.script), options.record, options.keep, options.port).start()
    print(server.port, flush=True)
    while sys.stdin.buffer.read(4096):
        pass


if __name__ == "__main__":
    main()
