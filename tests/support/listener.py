"""How the servers of the tests end."""
import socket


def close_listener(listener):
    """Closing alone would leave accept() at work, and the port taken."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    listener.close()
