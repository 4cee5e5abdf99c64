"""A release in 22 tasks: from a checkout to a published folder that was verified.

Some tasks are commands, some are Python, some wait for a service, one is a graph of its own, and one (the
tide catalogue) takes longer than all others.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import os
import re
import shutil
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

HERE = Path(__file__).parent
DAYS = 140  # of the tide catalogue
QUIET = {"PYTHONDONTWRITEBYTECODE": "1"}
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "harbour", "GIT_AUTHOR_EMAIL": "harbour@example.org",
    "GIT_COMMITTER_NAME": "harbour", "GIT_COMMITTER_EMAIL": "harbour@example.org",
}  # fmt: skip


class Release:
    """One release in a folder of its own; every task is a method without parameters that tells whether it went well."""

    def __init__(self, wfperf: Any, place: Path, service: str) -> None:
        self.wfperf = wfperf
        self.place, self.service = place, service
        self.source, self.out, self.public = place / "source", place / "out", place / "public"
        self.out.mkdir(parents=True)
        self.version = ""

    def graph(self) -> Any:
        """Every task with what it comes after."""
        graph = self.wfperf.graph()
        for task, after, group in TASKS:
            graph.add(task.__name__, self._gated(task), after=after.split(), group=group)
        return graph

    def _gated(self, task: Callable[[Release], object]) -> Callable[[], None]:
        """The task with its quality gate: what it is to leave behind is there, and is right."""

        def run() -> None:
            try:
                held = task(self)
            except (OSError, ValueError) as error:
                self.wfperf.check(task.__name__, False, str(error))
                raise
            self.wfperf.check(task.__name__, held)

        return run

    def _command(self, name: str, *argv: str | Path, **kwargs: Any) -> Any:
        return self.wfperf.command(name, argv, cwd=self.source, timeout=60, **kwargs)

    def _python(self, name: str, *argv: str | Path, **kwargs: Any) -> Any:
        return self._command(name, sys.executable, *argv, env=QUIET | {"PYTHONPATH": str(self.source)}, **kwargs)

    def _asked(self, path: str) -> Any:
        with urlopen(self.service + path, timeout=60) as answer:
            return json.load(answer)

    def _modules(self) -> list[Path]:
        return sorted((self.source / "harbour").glob("*.py"))

    # --- preparing ------------------------------------------------------------------------

    def checkout(self) -> bool:
        shutil.copytree(HERE / "product", self.source, ignore=shutil.ignore_patterns("__pycache__"))
        script = "git init -q && git add -A && git commit -qm 'harbour 1.4.0' && git rev-parse HEAD"
        return len(self._command("git", "sh", "-c", script, env=GIT).output.strip()) == 40

    def version_number(self) -> bool:
        declared = tomllib.loads((self.source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        found = re.search(
            r'__version__ = "(.+)"', (self.source / "harbour" / "__init__.py").read_text(encoding="utf-8")
        )
        self.version = declared
        return found is not None and found[1] == declared

    def changelog(self) -> bool:
        log = self._command("git", "git", "log", "--format=- %s", env=GIT).output
        solved = "".join(f"- {title}\n" for title in self._asked("/issues?release=1.4.0"))
        (self.out / "CHANGES.md").write_text(f"# Changes\n\n{log}{solved}", encoding="utf-8")
        return "harbour" in log

    # --- what can be done at the same time ------------------------------------------------

    def catalogue(self) -> bool:
        """The dominant task: a command that tells of its five operations itself."""
        done = self._python("generator", HERE / "generator.py", self.out / "catalogue", str(DAYS))
        return done.substeps == 5 and len(list((self.out / "catalogue").glob("*.z"))) == 4

    def compile_all(self) -> bool:
        return self._command(
            "compileall", sys.executable, "-m", "compileall", "-q", "harbour",
            env={"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.place / "bytecode")},
        ).ok  # fmt: skip

    def indentation(self) -> bool:
        return self._python("tabnanny", "-m", "tabnanny", "-q", "harbour").output == ""

    def docstrings(self) -> bool:
        trees = [ast.parse(path.read_text(encoding="utf-8")) for path in self._modules()]
        return all(ast.get_docstring(tree) for tree in trees)

    def licence(self) -> bool:
        stated = "MIT" in (self.source / "LICENSE").read_text(encoding="utf-8")
        return stated and self._asked("/licences/MIT")["free"]

    def dependencies(self) -> bool:
        project = tomllib.loads((self.source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return not [one for one in self._asked("/advisories") if one in project["dependencies"]]

    def unit_tests(self) -> bool:
        return "OK" in self._python("unittest", "-m", "unittest", "tests/harbour_tests.py").output

    def doctests(self) -> bool:
        return self._python("doctest", "-m", "doctest", "harbour/tides.py", "harbour/berths.py").output == ""

    def manual(self) -> bool:
        """A workflow of its own: pages are read, rendered and checked for dead links."""
        pages: dict[str, str] = {}
        inner = self.wfperf.graph()
        inner.add("read", lambda: pages.update((p.name, p.read_text(encoding="utf-8")) for p in _pages(self.source)))
        inner.add("render", lambda: _render(pages, self.out / "manual"), after="read")
        inner.add("links", lambda: _dead_links(pages), after="read")
        done = inner.run()
        return done.results["links"] == [] and done.results["render"] == len(pages)

    def smoke_test(self) -> bool:
        return self._python("run", self.out / "harbour.pyz", "Dover").output.count("Dover") == 2

    # --- packing --------------------------------------------------------------------------

    def source_archive(self) -> bool:
        with tarfile.open(self.out / f"harbour-{self.version}.tar.gz", "w:gz") as archive:
            archive.add(self.source / "harbour", f"harbour-{self.version}/harbour")
            archive.add(self.out / "CHANGES.md", f"harbour-{self.version}/CHANGES.md")
        return True

    def wheel(self) -> bool:
        path = self.out / f"harbour-{self.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for module in self._modules():
                archive.write(module, f"harbour/{module.name}")
        return zipfile.ZipFile(path).testzip() is None

    def application(self) -> bool:
        stage = 'mkdir -p "$1" && cp -R harbour "$1"'
        self._command("stage", "sh", "-c", stage, "sh", self.place / "application")
        main = "import sys\nfrom harbour.__main__ import main\nsys.exit(main())\n"
        (self.place / "application" / "__main__.py").write_text(main, encoding="utf-8")
        return self._python("zipapp", "-m", "zipapp", self.place / "application", "-o", self.out / "harbour.pyz").ok

    def documents(self) -> bool:
        with tarfile.open(self.out / "documents.tar", "w") as archive:
            archive.add(self.out / "catalogue", "catalogue")
            archive.add(self.out / "manual", "manual")
        return True

    def bill_of_materials(self) -> bool:
        parts = {str(path.relative_to(self.source)): _sha256(path) for path in self._modules()}
        (self.out / "bill.json").write_text(json.dumps({"version": self.version, "parts": parts}), encoding="utf-8")
        return len(parts) == 4

    # --- publishing -----------------------------------------------------------------------

    def checksums(self) -> bool:
        files = sorted(path.name for path in self.out.iterdir() if path.is_file())
        sums = "".join(f"{_sha256(self.out / name)}  {name}\n" for name in files)
        (self.place / "SHA256SUMS").write_text(sums, encoding="utf-8")
        return len(files) >= 6

    def signature(self) -> bool:
        signed = hmac.new(b"a key for the example", (self.place / "SHA256SUMS").read_bytes(), hashlib.sha256)
        (self.place / "SHA256SUMS.sig").write_text(signed.hexdigest(), encoding="utf-8")
        return len(signed.hexdigest()) == 64

    def publish(self) -> bool:
        aside = self.place / "public.new"
        shutil.copytree(self.out, aside)
        for name in ("SHA256SUMS", "SHA256SUMS.sig"):
            shutil.copy(self.place / name, aside)
        aside.rename(self.public)
        return True

    def verification(self) -> bool:
        lines = (self.public / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        return all(_sha256(self.public / name) == digest for digest, name in (line.split("  ") for line in lines))


TASKS = (
    (Release.checkout, "", None),
    (Release.version_number, "checkout", None),
    (Release.changelog, "checkout", None),
    (Release.catalogue, "version_number", None),
    (Release.compile_all, "checkout", None),
    (Release.indentation, "checkout", "checks"),
    (Release.docstrings, "checkout", "checks"),
    (Release.licence, "checkout", "checks"),
    (Release.dependencies, "version_number", "checks"),
    (Release.unit_tests, "compile_all", "tests"),
    (Release.doctests, "compile_all", "tests"),
    (Release.manual, "checkout", None),
    (Release.source_archive, "version_number changelog", "packages"),
    (Release.wheel, "compile_all version_number", "packages"),
    (Release.application, "compile_all", "packages"),
    (Release.smoke_test, "application", "tests"),
    (Release.documents, "catalogue manual", None),
    (Release.bill_of_materials, "version_number", None),
    (Release.checksums, "packages documents bill_of_materials", None),
    (Release.signature, "checksums", None),
    (Release.publish, "signature tests checks", None),
    (Release.verification, "publish", None),
)


def _pages(source: Path) -> list[Path]:
    return sorted((source / "docs").glob("*.md"))


def _render(pages: dict[str, str], to: Path) -> int:
    to.mkdir()
    for name, text in pages.items():
        body = re.sub(r"\[(.+?)\]\((.+?)\.md\)", r'<a href="\2.html">\1</a>', text)
        (to / name.replace(".md", ".html")).write_text(f"<!doctype html>\n<pre>{body}</pre>\n", encoding="utf-8")
    return len(pages)


def _dead_links(pages: dict[str, str]) -> list[str]:
    return [target for text in pages.values() for target in re.findall(r"\]\((.+?)\)", text) if target not in pages]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
