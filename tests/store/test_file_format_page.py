import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_schemas_say():
    build = runpy.run_path(str(DOCS / "build_file_format.py"))["build"]
    assert (DOCS / "file-format.md").read_text(encoding="utf-8") == build(), "run python docs/build_file_format.py"
