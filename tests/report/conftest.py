"""What tests of charts share."""

from __future__ import annotations

import pytest
from charting import chart_page, example


@pytest.fixture
def chart(page, tmp_path):
    """Draw one chart of the data 800 px wide."""

    def draw(kind, workflow=None, *, width=800):
        page.view(width, 900)
        page.open(chart_page(tmp_path, example() if workflow is None else workflow, [kind]))
        assert page.console() == []
        return page

    return draw
