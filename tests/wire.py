"""A proxy for PostgreSQL's protocol that knows where a message ends: it cuts, holds or spoils exactly the one meant."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import BinaryIO, Literal, Self
from urllib.parse import parse_qs, urlsplit, urlunsplit

_LENGTH = struct.Struct("!I")
_WORDS = struct.Struct("!II")
_ENCRYPTION = (80_877_103, 80_877_104)  # TLS and GSS: declined, so that messages can be read
_CANCEL = 80_877_102
_PIECE = 16 * 1024

Origin = Literal["client", "server"]


@dataclass
class Session:
    """One client's connection: its number, counted from 1, and whether COPY data came since its last COMMIT."""

    number: int
    copied: bool = False


@dataclass(frozen=True)
class Message:
    """One message on its way. `kind` is the protocol's letter for it."""

    session: Session
    origin: Origin
    kind: bytes
    body: bytes

    @property
    def text(self) -> str:
        """The statement of a query, or the tag of an answer."""
        body = self.body.split(b"\0", 1)[1] if self.kind == b"P" else self.body
        return body.split(b"\0", 1)[0].decode(errors="replace").strip().rstrip(";").upper()

    @property
    def is_copy_data(self) -> bool:
        """A piece of what the client copies into a table."""
        return self.origin == "client" and self.kind == b"d"

    @property
    def is_batch_commit(self) -> bool:
        """The client's COMMIT of a transaction for which it has copied rows."""
        return self.origin == "client" and self.kind in b"QP" and self.text == "COMMIT" and self.session.copied

    @property
    def is_batch_committed(self) -> bool:
        """The server's word that such a transaction is committed."""
        return self.answers("COMMIT") and self.session.copied

    def answers(self, tag: str) -> bool:
        """Whether it is the server's word that a statement is done, with a tag that begins so."""
        return self.origin == "server" and self.kind == b"C" and self.text.startswith(tag)


@dataclass(frozen=True)
class Cut:
    """Close both sides; the message is lost, or with `after` passed on first."""

    after: bool = False


@dataclass(frozen=True)
class Fail:
    """Pass on an error in place of the server's word that a statement is done. Its transaction counts as failed."""

    sqlstate: str


Action = Cut | Fail | None
"""What to do with a message; None passes it on."""
Handler = Callable[[Message], Action]
"""Asked for each message, in the thread of its direction: as long as it takes, the message is held."""


class WireProxy:
    """Listens on a port of loopback and passes all on to the server of `dsn`. Use as a context manager.

    Attributes:
        on: the handler.
        target: the server's address, as `dsn` gives it; may be changed, as a name in DNS that moves.
        refuse: SQLSTATE with which new connections are refused; None lets them in.
        down: new connections are reset without a word.
        rate: bytes a second that a client may send; None is without limit.
    """

    def __init__(self, dsn: str, on: Handler = lambda _message: None) -> None:
        self.on = on
        self.target = dsn
        self.refuse: str | None = None
        self.down = False
        self.rate: float | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._count = 0
        self._thread = threading.Thread(target=self._listen, name="wire-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._listener.close()
        self.cut()
        self._thread.join(5)

    @property
    def connections(self) -> int:
        """How many clients have come so far, refused ones too."""
        return self._count

    def reached(self, connections: int) -> Callable[[], bool]:
        """Whether so many clients have come in all."""
        return lambda: self._count >= connections

    def dsn(self, database: str) -> str:
        """The address of `database` by way of the proxy, for the user of the target."""
        parts = urlsplit(self.target)
        user = parts.netloc.rpartition("@")[0] or "postgres"
        return urlunsplit(("postgresql", f"{user}@127.0.0.1:{self._listener.getsockname()[1]}", f"/{database}", "", ""))

    def cut(self) -> None:
        """Close all connections, at once and on both sides."""
        with self._lock:
            for end in self._sockets:
                _close(end)
            self._sockets.clear()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._count += 1
            threading.Thread(target=self._serve, args=(client, Session(self._count)), daemon=True).start()

    def _serve(self, client: socket.socket, session: Session) -> None:
        server: socket.socket | None = None
        try:
            self._keep(client)
            incoming = client.makefile("rb")
            startup = _startup(client, incoming)
            if self.down:
                return
            if self.refuse is not None:
                client.sendall(_error("FATAL", self.refuse))
                return
            server = connect(self.target)
            self._keep(server)
            server.sendall(startup)
            if startup[_LENGTH.size :].startswith(_LENGTH.pack(_CANCEL)):
                server.recv(1)  # its end says that the wish was seen
                return
            answers = threading.Thread(
                target=self._pump, args=(server.makefile("rb"), client, server, session, "server"), daemon=True
            )
            answers.start()
            self._pump(incoming, server, client, session, "client")
            answers.join()
        except OSError:
            pass  # an end that went away takes the other with it
        finally:
            for end in filter(None, (client, server)):
                _close(end)

    def _keep(self, end: socket.socket) -> None:
        with self._lock:
            self._sockets.add(end)

    def _pump(
        self, source: BinaryIO, target: socket.socket, other: socket.socket, session: Session, origin: Origin
    ) -> None:
        failed = False
        with suppress(OSError, ValueError):
            while (message := _read(source, session, origin)) is not None:
                action = self.on(message)
                if action == Cut():
                    break
                if isinstance(action, Fail):
                    failed = True
                    target.sendall(_error("ERROR", action.sqlstate))
                    continue
                if message.kind == b"Z" and failed:
                    failed = False
                    message = replace(message, body=message.body.replace(b"T", b"E"))
                if message.is_copy_data:
                    session.copied = True
                elif message.answers("COMMIT"):
                    session.copied = False
                self._send(target, _frame(message.kind, message.body), origin)
                if action == Cut(after=True):
                    break
        _close(target)
        _close(other)

    def _send(self, target: socket.socket, data: bytes, origin: Origin) -> None:
        if self.rate is None or origin == "server":
            target.sendall(data)
            return
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            target.sendall(piece)
            time.sleep(len(piece) / self.rate)


class Once:
    """A handler that does `action` to the first messages, `times` of them, that are as `when` says.

    Attributes:
        done: how often it has.
    """

    def __init__(self, when: Callable[[Message], bool], action: Handler | Cut, *, times: int = 1) -> None:
        self.done = 0
        self._when = when
        self._action = action
        self._times = times
        self._lock = threading.Lock()

    def __call__(self, message: Message) -> Action:
        with self._lock:
            if self.done >= self._times or not self._when(message):
                return None
            self.done += 1
        return self._action if isinstance(self._action, Cut) else self._action(message)

    def happened(self) -> bool:
        """Whether it has at all."""
        return self.done > 0


def connect(dsn: str) -> socket.socket:
    """A socket to the server of a DSN, over TCP or its unix socket."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host = query["host"][0] if "host" in query else parts.hostname or "127.0.0.1"
    port = int(query["port"][0]) if "port" in query else parts.port or 5432
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    end = socket.socket(socket.AF_UNIX)
    try:
        end.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        end.close()
        raise
    return end


def _startup(client: socket.socket, incoming: BinaryIO) -> bytes:
    """The client's first message, once it is content with an open line."""
    while len(head := incoming.read(_WORDS.size)) == _WORDS.size:
        length, code = _WORDS.unpack(head)
        if code not in _ENCRYPTION:
            return head + incoming.read(length - _WORDS.size)
        client.sendall(b"N")
    raise ConnectionError("the client left")


def _read(source: BinaryIO, session: Session, origin: Origin) -> Message | None:
    head = source.read(1 + _LENGTH.size)
    if len(head) < 1 + _LENGTH.size:
        return None
    length = _LENGTH.unpack(head[1:])[0] - _LENGTH.size
    body = source.read(length)
    return Message(session, origin, head[:1], body) if len(body) == length else None


def _frame(kind: bytes, body: bytes) -> bytes:
    return kind + _LENGTH.pack(len(body) + _LENGTH.size) + body


def _error(severity: str, sqlstate: str) -> bytes:
    fields = f"S{severity}\0V{severity}\0C{sqlstate}\0Minjected by the test\0\0"
    return _frame(b"E", fields.encode())


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # close alone would not wake a thread that reads
    end.close()
