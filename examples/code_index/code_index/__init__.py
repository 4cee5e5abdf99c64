"""An index of Python source code in one SQLite file: where everything is defined, and who imports whom."""

from .sources import Source, Unparsable, decode, discover
from .store import Index
from .syntax import Contents, Layout, Symbol, extract, parse, tokenise

__all__ = [
    "Contents",
    "Index",
    "Layout",
    "Source",
    "Symbol",
    "Unparsable",
    "decode",
    "discover",
    "extract",
    "parse",
    "tokenise",
]
