"""`losslab` in processes of its own, quick to start, so that they can be killed again and again."""

import csv
import multiprocessing
import os
import random
import resource
import signal
import time

READY = [
    "losslab.cli.main", "losslab.search.tune", "losslab.report.page", "losslab.report.terminal", "pandas",
    "sklearn.ensemble", "sklearn.linear_model", "scipy.stats", "plotly.graph_objects", "jinja2", "rich.console",
]  # fmt: skip
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(READY)


def start(folder, words, most=None):
    """A process that runs `losslab` with these words in a folder; `said_by` has what it prints.

    most: bytes that a file may have; a write beyond fails, as on a full disk.
    """
    reader, writer = CONTEXT.Pipe(duplex=False)
    running = CONTEXT.Process(target=losslab, args=(writer, str(folder), list(map(str, words)), most))
    running.start()
    writer.close()
    running.reader = reader
    return running


def said_by(running):
    """Waits for the end of a process; what it said."""
    parts = []
    with running.reader as reader:
        while part := os.read(reader.fileno(), 1 << 16):
            parts.append(part)
    running.join()
    return b"".join(parts).decode()


def losslab(writer, folder, words, most):
    """In the new process."""
    from losslab.cli.main import app

    if most:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    os.chdir(folder)
    os.dup2(writer.fileno(), 1)
    os.dup2(writer.fileno(), 2)
    writer.close()
    app(words)


def ended(folder, words, most=None):
    """Runs to the end; the exit status, and what was said."""
    running = start(folder, words, most)
    said = said_by(running)
    return running.exitcode, said


def progress(run):
    """Something that changes whenever a study has written."""
    files = sorted(run.rglob("*")) if run.exists() else []
    found = []
    for path in files:
        try:
            found.append((path.name, path.stat().st_mtime_ns, path.stat().st_size))
        except FileNotFoundError:  # gone since
            continue
    return found


def after(writes, run, running, moment=0.0):
    """Waits until a study has written so often, and a moment more; whether it still runs."""
    seen, end = progress(run), time.monotonic() + 100
    while writes and running.is_alive():
        now = progress(run)
        writes, seen = writes - (now != seen), now
        assert time.monotonic() < end, "nothing is written"
        time.sleep(0.002)
    time.sleep(moment)
    return running.is_alive()


def mixed_table(path, rows=150, seed=5):
    """Numbers with gaps, words, dates, a flag, weights and groups, and two classes."""
    draw = random.Random(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["size", "colour", "day", "new", "weight", "site", "other_weight", "spare", "y"])
        for _ in range(rows):
            size, colour, new = draw.gauss(0, 1), draw.choice(["red", "green", "blue"]), draw.random() < 0.4
            good = size + (colour == "red") + 0.5 * new + draw.gauss(0, 0.7) > 0.6
            lines.writerow([
                "" if draw.random() < 0.1 else round(size, 3), colour, f"2024-{draw.randint(1, 12):02}-17",
                "yes" if new else "no", draw.choice([0.5, 1, 2]), draw.randint(1, 40), draw.choice([1, 3]),
                round(draw.random(), 3), "good" if good else "bad",
            ])  # fmt: skip
    return path
