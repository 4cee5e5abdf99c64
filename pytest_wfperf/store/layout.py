"""The names of everything in the store: pure text in, pure text out.

No name made here can leave its folder, collide with another's, or be refused by a file
system: whatever a test is called, its file's name is short, lower-case ASCII.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..model import Environment

STORE = "store.json"
BASELINES = "baselines"
HEAD = "HEAD"
MANIFEST = "manifest.json"
SESSION = "session.json"
WAIVERS = "waivers.toml"
RUNS = "runs"
RUN = "run.json"
AGAINST = "against"
RUN_LOCK = "lock"
LOCK = "store.lock"
TEMPORARY = ".tmp-"

_RESERVED = frozenset(
    ["con", "prn", "aux", "nul"] + [f"{port}{n}" for port in ("com", "lpt") for n in (*range(10), "¹", "²", "³")]
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"(\d{4,12})-([0-9a-f]{6})", re.ASCII)
_SET_UP = re.compile(r"[a-z0-9-]+-[0-9a-f]{16}")
_SESSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}", re.ASCII)


class Version(NamedTuple):
    """A version's number and digest; sorts from oldest to newest."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number:04d}-{self.digest}"


def parse_version(name: str) -> Version | None:
    """The version a directory is named after, None where it is no version's name."""
    match = _VERSION.fullmatch(name)
    version = match and Version(int(match[1]), match[2])
    return version if version and str(version) == name else None


def next_version(taken: list[Version]) -> Version:
    """A version newer than all of ``taken``.

    The digest is drawn at random, so that two branches which both come after the same
    version do not write the same path.
    """
    return Version(max((v.number for v in taken), default=0) + 1, secrets.token_hex(3))


def new_session(now: datetime) -> str:
    """A name for a session that ended ``now``, such as ``20261121T103755Z-1a2b3c``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def is_session(name: str) -> bool:
    """Whether a directory bears a session's name."""
    return _SESSION.fullmatch(name) is not None


def temporary(name: str) -> str:
    """A name for something that is not finished yet and will be called ``name``."""
    return f"{TEMPORARY}{secrets.token_hex(4)}-{name}"


def storable(text: str) -> str:
    """``text`` with what UTF-8 cannot hold (lone surrogates) as visible escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def workflow_file(node_id: str) -> str:
    """The file that holds the workflow ``node_id``: its readable end and a digest of all of it.

    At most 120 bytes, lower-case ASCII, without a dot before ``.json``.
    """
    return f"{_slug(node_id)[-80:].strip('-') or 'workflow'}-{_digest(node_id, 16)}.json"


def set_up_directory(name: str, key: str) -> str:
    """The directory of a shared set-up: the readable start of its name and a digest of its whole ``key``."""
    return f"{_slug(name)[:40].strip('-') or 'set-up'}-{_digest(key, 16)}"


def is_set_up(name: str) -> bool:
    """Whether a directory bears a shared set-up's name."""
    return _SET_UP.fullmatch(name) is not None


def environment_directory(environment: Environment) -> str:
    """The directory of an environment, such as ``linux-cpython3.11-2cpu-1a2b3c4d``.

    The digest covers every fact; ``system``, ``python`` and ``cpus`` are spelt out where known.
    """
    facts = dict(environment.facts)
    parts = [_slug(facts.get("system", "")), _slug(facts.get("python", ""), keep=".")]
    if cpus := _slug(facts.get("cpus", "")):
        parts.append(cpus if cpus.endswith("cpu") else f"{cpus}cpu")
    readable = "-".join(part[:24].strip("-.") for part in parts if part.strip("-."))
    return f"{readable or 'environment'}-{_digest(json.dumps(sorted(environment.facts)), 8)}"


def check_name(name: str, source: str) -> str:
    """``name`` as it is if a baseline may be called so; ``source`` says where it was given.

    Raises ConfigError.
    """
    rule = "use 1 to 64 of A-Z a-z 0-9 . _ - and start with a letter or digit"
    if not _NAME.fullmatch(name):
        problem = rule
    elif name.endswith("."):
        problem = "a baseline's name must not end with a dot"
    elif name.partition(".")[0].lower() in _RESERVED:
        problem = f"{name.partition('.')[0]} is a reserved device name on Windows; choose another"
    else:
        return name
    raise ConfigError(f"{name!r} (from {source}) cannot name a baseline: {problem}")


def _slug(text: str, keep: str = "") -> str:
    return re.sub(rf"[^a-z0-9{re.escape(keep)}]+", "-", text.lower()).strip("-")


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
