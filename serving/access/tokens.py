"""Bearer tokens: made, found again, revoked; the secret is shown once and only its hash is kept.

SHA-256 without salt or stretching is right here: the secret is 256 random bits, so that no list of likely secrets
exists to be tried against the hash. Slow hashes (argon2) are for what people choose.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import msgspec
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from features.errors import ForfaitError, InputError, MissingError, RuleError
from serving.access.callers import ROLES, Caller, DeniedError
from serving.access.tables import TOKENS, prepare
from serving.clock import Clock

NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")
SECRET = re.compile(r"ffp_([0-9a-f]{12})_([0-9a-f]{64})")
NO_HASH = "0" * 64


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as kept. `structures` None means all; `expires_on` is its last day (UTC), None: no end."""

    id: str
    name: str
    role: str
    structures: tuple[str, ...] | None
    secret_sha256: str
    created_at: str
    created_by: str
    expires_on: date | None = None
    revoked_at: str | None = None
    revoked_by: str | None = None
    revoked_why: str | None = None

    def state(self, today: date) -> str:
        """active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_on is not None and today > self.expires_on else "active"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A token to make."""

    name: str
    role: str
    structures: tuple[str, ...] | None = None
    expires_on: date | None = None


def moment(at: datetime) -> str:
    """A moment as written in the tables: UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def create(engine: Engine, wanted: Wanted, *, by: str, at: datetime) -> str:
    """The secret of a new token, which nothing can tell again.

    Errors: InputError for a name, role, structure or day that cannot be; RuleError for a name already used, were it of
    a revoked token: an access of years ago has one bearer.
    """
    _check(wanted, by, at)
    token_id, secret = secrets.token_hex(6), secrets.token_hex(32)
    structures = None if wanted.structures is None else msgspec.json.encode(sorted(set(wanted.structures))).decode()
    row = {
        "id": token_id, "name": wanted.name, "role": wanted.role, "structures": structures,
        "secret_sha256": _hash(secret), "created_at": moment(at), "created_by": by,
        "expires_on": wanted.expires_on and wanted.expires_on.isoformat(),
    }  # fmt: skip
    prepare(engine)
    try:
        with engine.begin() as connection:
            connection.execute(insert(TOKENS).values(row))
    except IntegrityError:
        raise RuleError(f"a token was already named {wanted.name}; give another name") from None
    return f"ffp_{token_id}_{secret}"


def revoke(engine: Engine, name: str, *, by: str, why: str, at: datetime) -> Token:
    """The token, revoked. Errors: MissingError for an unknown name, RuleError for one revoked before."""
    if not by.strip() or not why.strip():
        raise InputError("a revocation says who and why: give --by and --why")
    prepare(engine)
    change = {"revoked_at": moment(at), "revoked_by": by, "revoked_why": why}
    with engine.begin() as connection:
        done = connection.execute(update(TOKENS).where(TOKENS.c.name == name, TOKENS.c.revoked_at.is_(None)), change)
    found = next((token for token in tokens(engine) if token.name == name), None)
    if found is None:
        raise MissingError("no token has this name; forfait token list shows them")
    if not done.rowcount:
        raise RuleError(f"{name} was revoked on {found.revoked_at} by {found.revoked_by}")
    return found


def tokens(engine: Engine) -> list[Token]:
    """Every token, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(TOKENS).order_by(TOKENS.c.created_at, TOKENS.c.id)).mappings().all()
    return [_token({str(name): value for name, value in row.items()}) for row in rows]


@dataclass
class TokenBook:
    """The tokens as the service sees them, read again once they are `seconds` old.

    So a revocation holds after `seconds` at the latest. Where the table cannot be read, no token is known any more:
    one that may have been revoked is not let in on an old list.
    """

    engine: Engine
    clock: Clock
    seconds: float
    held: dict[str, Token] = field(default_factory=dict)
    read_at: float | None = None
    is_prepared: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_fresh(self) -> bool:
        """Whether the list is young enough to judge by."""
        return self.read_at is not None and time.monotonic() - self.read_at < self.seconds

    def refresh(self) -> None:
        """Read the table again, once for all who wait for it. Errors: DeniedError where it cannot be read."""
        with self.lock:
            if self.is_fresh:
                return
            begun = time.monotonic()
            try:
                if not self.is_prepared:
                    prepare(self.engine)
                    self.is_prepared = True
                held = {token.id: token for token in tokens(self.engine)}
            except (SQLAlchemyError, OSError, ForfaitError):
                raise DeniedError("unavailable", wait_seconds=1) from None
            self.held, self.read_at = held, begun

    def caller(self, token_id: str, secret: str) -> Caller:
        """Who bears a token. Errors: DeniedError for one unknown, of another secret, revoked or expired."""
        token = self.held.get(token_id)
        is_right = hmac.compare_digest(_hash(secret), token.secret_sha256 if token else NO_HASH)
        if token is None:
            raise DeniedError("unknown_token")
        structures = None if token.structures is None else frozenset(token.structures)
        caller = Caller(token.name, token.role, structures)
        if not is_right:
            raise DeniedError("wrong_secret")
        state = token.state(self.clock().astimezone(UTC).date())
        if state != "active":
            raise DeniedError(f"{state}_token", caller=caller)
        return caller


def parts_of(credential: str) -> tuple[str, str] | None:
    """Id and secret of one of our tokens; None for anything else."""
    found = SECRET.fullmatch(credential)
    return (found.group(1), found.group(2)) if found else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Mapping[str, object]) -> Token:
    structures = row["structures"]
    listed = None if structures is None else msgspec.json.decode(str(structures), type=tuple[str, ...])
    expires = row["expires_on"]
    read = {"structures": listed, "expires_on": None if expires is None else date.fromisoformat(str(expires))}
    return Token(**{**row, **read})  # type: ignore[arg-type]


def _check(wanted: Wanted, by: str, at: datetime) -> None:
    if not NAME.fullmatch(wanted.name):
        raise InputError("--name takes 1 to 64 of a-z, 0-9, dot, dash and underscore, a letter first")
    if wanted.role not in ROLES:
        raise InputError(f"--role is one of {', '.join(ROLES)}")
    if wanted.structures is not None and (not wanted.structures or not all(map(str.strip, wanted.structures))):
        raise InputError("--structures takes identifiers with commas between them: S1,S2")
    if wanted.expires_on is not None and wanted.expires_on < at.astimezone(UTC).date():
        raise InputError(f"--expires {wanted.expires_on} is past; give a day to come")
    if not by.strip():
        raise InputError("say who makes the token: give --by")
