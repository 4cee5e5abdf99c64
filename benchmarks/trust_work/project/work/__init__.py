"""A few kinds of work, each step forty units of it."""

from .records import sort, store
from .text import calculate, digest, match, parse

STEPS = {function.__name__: function for function in (parse, sort, match, digest, store, calculate)}
