"""TLS before the scripted origin: an authority of the rig's own, and an end that decrypts."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

from platter_rigs.origin import Origin

#: Where the system keeps the authorities that it believes.
SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_BUFFER = 1 << 16


class Authority:
    """Signs certificates. `file` is what has to be believed."""

    def __init__(self, folder: Path, name: str = "authority"):
        self._folder = folder
        self._name = name
        self.file = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl(
            "req", "-x509", *_KEY, "-keyout", self._key, "-out", self.file, "-days", "2",
            "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")

    def certificate(self, host: str = "localhost", days: int = 1) -> tuple[Path, Path]:
        """A certificate for a host name, and its key.

        - Parameter days: From now on; negative for one that is over.
        """
        place = self._folder / f"{self._name} {host} {days}"
        key, request, file = (place.with_suffix(end) for end in (".key", ".csr", ".crt"))
        names = place.with_suffix(".names")
        names.write_text(f"subjectAltName=DNS:{host}\n")
        _openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={host}")
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key,
            "-CAcreateserial", "-days", str(days), "-extfile", names, "-out", file)
        return file, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(
        ["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


class TLSFront:
    """Listens as `localhost` and hands on to an origin what it decrypts."""

    def __init__(self, origin: Origin, certificate: tuple[Path, Path]):
        #: Connections that came to an agreement, those that did not, and those broken on purpose.
        self.agreed = 0
        self.refused = 0
        self.broken = 0
        #: Bytes after which a connection is broken; and how: with RST or with FIN.
        self.breaks_after: int | None = None
        self.resets = True
        parts = urlsplit(origin.url)
        self._origin = (parts.hostname, parts.port)
        self._lock = threading.Lock()
        self.use(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def use(self, certificate: tuple[Path, Path]) -> None:
        """Shows this one to connections that come from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self._context = context

    def stop(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        try:
            with self._context.wrap_socket(connection, server_side=True) as client:
                # Under TLS 1.3 the client's refusal comes after our handshake is done.
                first = client.recv(_BUFFER)
                if not first:
                    raise ConnectionError("no request")
                self._count("agreed")
                with socket.create_connection(self._origin, 30) as origin:
                    origin.sendall(first)
                    self._hand_on(client, origin)
        except OSError:
            self._count("refused")
        finally:
            connection.close()

    def _hand_on(self, client: ssl.SSLSocket, origin: socket.socket) -> None:
        """One thread for both ways: an `SSLSocket` is not for two."""
        sent = 0
        try:
            while True:
                ready = [client] if client.pending() else select.select([client, origin], [], [])[0]
                if client in ready:
                    data = client.recv(_BUFFER)
                    if not data:
                        return
                    origin.sendall(data)
                if origin in ready:
                    data = origin.recv(_BUFFER)
                    if not data:
                        return
                    client.sendall(data)
                    sent += len(data)
                    if self.breaks_after is not None and sent >= self.breaks_after:
                        self._count("broken")
                        if self.resets:
                            client.setsockopt(
                                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
        except OSError:
            # The client has gone.
            return

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)
