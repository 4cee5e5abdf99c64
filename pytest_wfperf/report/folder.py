"""A folder of files that appears as a whole, in the place of an earlier one of its kind."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import ConfigError
from ..store.files import ATTEMPTS, sync_directory, write_synced
from ..store.layout import TEMPORARY, temporary

Contents = Callable[[], Iterable[tuple[str, bytes]]]
"""Makes the files of a folder, one after the other; called again where another writer removed what was written."""

NEW, OLD = "new-", "old-"  # what an unfinished folder, and one that gave way, is called beside the folder itself
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_FIXES = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some space or raise the quota and run again",
    errno.EFBIG: "raise the file size limit and run again",
    errno.EROFS: "the file system is read-only: name another place",
    errno.EACCES: "mend the permissions, or name another place",
    errno.EPERM: "mend the permissions, or name another place",
    errno.ENOTDIR: "a file stands where a folder has to be: move it, or name another place",
    errno.EEXIST: "a file stands where a folder has to be: move it, or name another place",
    errno.ENAMETOOLONG: "choose a shorter name",
}


class Folder:
    """The folder ``path`` (links are followed), which holds the files ``names``, all of them and nothing else.

    At no moment does an incomplete set, or a mixture of two, stand under its name. Nothing but files of these
    names is ever removed.
    """

    def __init__(self, path: Path, names: Collection[str]) -> None:
        self.names = frozenset(names)
        try:
            self.path = path.resolve()
        except (OSError, RuntimeError) as error:
            raise ConfigError(f"{path} cannot be followed: {error}; name another folder") from error

    # --- may it be written --------------------------------------------------------------

    def check(self) -> None:
        """Raise ConfigError for what can be known to stand in the way before there is anything to write."""
        while True:
            place = self.path
            while not os.path.lexists(place):
                place = place.parent
            try:
                return self._check_place(place)
            except (ConfigError, FileNotFoundError):
                if os.path.lexists(place):
                    raise  # else another writer is just replacing it

    def _check_place(self, place: Path) -> None:
        """Raise ConfigError unless a set can stand at ``place``, or in a folder below it that is still to be made."""
        if not place.is_dir():
            raise ConfigError(f"{place} is a file where a folder has to be: move it, or name another folder")
        for folder in (place, place.parent) if place == self.path else (place,):
            if not os.access(folder, os.W_OK | os.X_OK):
                raise ConfigError(f"{folder} cannot be written: mend its permissions, or name another folder")
        if place == self.path:
            self._check_replaceable(place)

    def _check_replaceable(self, place: Path) -> None:
        """Raise ConfigError unless ``place`` is empty or holds an earlier set, all of it and nothing else."""
        while True:
            before = _state(place)
            try:
                return self._check_held(place)
            except ConfigError:
                if _state(place) == before:
                    raise  # else another writer was just replacing or removing it

    def _check_held(self, place: Path) -> None:
        if place.is_mount():
            raise ConfigError(f"{place} is a mount point, which cannot be replaced as a whole: name a folder inside it")
        found = sorted(os.scandir(place), key=lambda entry: entry.name)
        foreign = next((entry for entry in found if not self._is_own(entry)), None)
        if foreign is not None:
            problem = f"holds {foreign.name!r}, which is none of its files"
        elif found and (missing := sorted(self.names - {entry.name for entry in found})):
            problem = f"holds {found[0].name!r} without {missing[0]!r}, so it was not written as a set"
        else:
            return
        raise ConfigError(f"{self.path} {problem}: the set takes a whole folder; name another, or empty this one")

    def _is_own(self, entry: os.DirEntry[str]) -> bool:
        return entry.name in self.names and entry.is_file(follow_symlinks=False)

    # --- writing it ---------------------------------------------------------------------

    def put(self, contents: Contents) -> None:
        """Write the folder out of sight, through to the disk, then put it in place of what stands there.

        An earlier set stays where anything fails. Of several writers one after the other wins. Raises
        ConfigError where something else stands in its place, OSError, and what ``contents`` raises.
        """
        with suppress(FileNotFoundError):
            self._check_replaceable(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._mend()
        for _ in range(ATTEMPTS):
            staged = self._staged(contents)
            if staged is not None and self._moved_in(staged):
                return
        raise ConfigError(f"other runs kept writing {self.path}: give each run a folder of its own")

    def _staged(self, contents: Contents) -> Path | None:
        """The set beside its place; None where another writer swept it away meanwhile."""
        staged = self._beside(NEW)
        try:
            staged.mkdir()
            for name, data in contents():
                write_synced(staged / name, data)
            sync_directory(staged)
        except BaseException as error:
            if isinstance(error, FileNotFoundError) and not staged.exists() and self.path.parent.is_dir():
                return None
            self._remove(staged)
            raise
        return staged

    def _moved_in(self, staged: Path) -> bool:
        """Rename the set into place, what stands there out of it; False where another writer swept the set away."""
        obsolete = list(self._leftovers(OLD))
        try:
            for _ in range(ATTEMPTS):
                try:
                    staged.rename(self.path)
                    break
                except OSError as error:
                    if error.errno not in _TAKEN:
                        raise
                obsolete.append(self._moved_out())
            else:
                self._remove(staged)
                return False
        except BaseException as error:
            swept = isinstance(error, FileNotFoundError) and not staged.exists()
            self._put_back(obsolete)
            self._remove(staged)
            if swept:
                return False
            raise
        sync_directory(self.path.parent)
        for former in obsolete:
            self._remove(former)
        return True

    def _moved_out(self) -> Path:
        """Where the earlier set has been moved to; nothing may be there if another writer was faster."""
        former = self._beside(OLD)
        with suppress(FileNotFoundError):
            self._check_replaceable(self.path)
            self.path.rename(former)
            try:
                self._check_replaceable(former)  # a file may have come into it since
            except BaseException:
                if not os.path.lexists(self.path):
                    former.rename(self.path)
                raise
        return former

    def _put_back(self, formers: Iterable[Path]) -> None:
        """The newest complete earlier set, unless something stands in its place."""
        complete = [former for former in formers if self._is_complete(former)]
        if complete and not os.path.lexists(self.path):
            with suppress(OSError):
                max(complete, key=lambda former: former.stat().st_mtime_ns).rename(self.path)

    # --- what interrupted writers left -----------------------------------------------------

    def _mend(self) -> None:
        """Put back a set whose writer was interrupted between two renames; remove what never became one.

        Each is renamed first: a writer that is still at it then starts afresh and cannot move half a set into place.
        """
        self._put_back(self._leftovers(OLD))
        for leftover in self._leftovers(NEW):
            doomed = self._beside(OLD)
            with suppress(OSError):  # it may be another user's
                leftover.rename(doomed)
                self._remove(doomed)

    def _beside(self, what: str) -> Path:
        return self.path.with_name(temporary(what + self.path.name))

    def _leftovers(self, what: str) -> Iterator[Path]:
        """Folders beside it that bear such a name and hold nothing else than some files of a set."""
        named = re.compile(re.escape(TEMPORARY) + "[0-9a-f]{8}-" + re.escape(what + self.path.name), re.DOTALL)
        for entry in list(os.scandir(self.path.parent)):
            if named.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    if all(map(self._is_own, list(os.scandir(entry)))):
                        yield Path(entry.path)

    def _is_complete(self, folder: Path) -> bool:
        try:
            return {entry.name for entry in os.scandir(folder) if self._is_own(entry)} == self.names
        except OSError:
            return False

    def _remove(self, folder: Path) -> None:
        """Remove the files of the set, and the folder if nothing else is in it."""
        with suppress(OSError):
            for name in self.names:
                with suppress(FileNotFoundError):
                    (folder / name).unlink()
            folder.rmdir()


def _state(folder: Path) -> tuple[int, ...]:
    """Changes where the folder becomes another one, or gets other entries."""
    found = folder.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def why(error: OSError, path: Path) -> str:
    """What kept a file at ``path`` from being written, and what to do."""
    where = error.filename if isinstance(error.filename, str) else path
    fix = _FIXES.get(error.errno or 0, "check the disk, or name another place")
    return f"{where}: {error.strerror or error}; {fix}"
