#!/usr/bin/env python3
"""Measures Platter and its peers: `Benchmarks/run.py [--scenario NAME]... [--target NAME]...`.

Without a scenario all are played, which takes about an hour. One scenario of one target takes less than a
minute. Programs that are not there are left out; `Scripts/bootstrap bench` installs them.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[:0] = [str(HERE), str(REPOSITORY / "Rigs")]
sys.dont_write_bytecode = True

from platter_bench import machine, report  # noqa: E402
from platter_bench.native import Tools  # noqa: E402
from platter_bench.runner import Runner  # noqa: E402
from platter_bench.scenarios import SCENARIOS  # noqa: E402
from platter_bench.targets import TARGETS, Options  # noqa: E402
from platter_rigs import processes  # noqa: E402

#: Rounds whose medians are told.
ROUNDS = 5


def versions(names: list[str]) -> dict[str, str]:
    """Of the targets that are installed, by name."""
    found = {}
    for name in names:
        try:
            found[name] = TARGETS[name](Options()).version()
        except FileNotFoundError as missing:
            print(f"{name} is left out: {missing}", flush=True)
    return found


def interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, metavar="NAME",
                        help=f"one of {', '.join(SCENARIOS)}; may be repeated")
    parser.add_argument("--target", action="append", choices=TARGETS, metavar="NAME",
                        help=f"one of {', '.join(TARGETS)}; may be repeated")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} when nothing is said; 1 when quick")
    parser.add_argument("--quick", action="store_true",
                        help="small objects and few requests: shows that all works, and nothing else")
    parser.add_argument("--out", type=Path, help="where the results go; they are only shown when "
                        "nothing is said")
    parser.add_argument("--cache-dir", type=Path,
                        help="a folder on the disk that is measured (default: the one for temporary files)")
    return parser.parse_args()


def main() -> int:
    wanted = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    # Ten thousand connections; programs inherit it.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    rounds = wanted.rounds or (1 if wanted.quick else ROUNDS)
    found = versions([name for name in TARGETS if name in (wanted.target or TARGETS)])
    folder = Path(tempfile.mkdtemp(prefix="platter-bench-", dir=wanted.cache_dir))
    os.chmod(folder, 0o711)
    run = {
        "machine": machine.machine() | {"disk": machine.disk(folder)}, "versions": found,
        "begun": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "rounds": rounds,
        "is_quick": wanted.quick, "load_before": machine.load(), "scenarios": {}}
    if run["load_before"] > 1:
        print(f"The machine is busy (load {run['load_before']:.1f}); the figures will be poor.")
    failures = 0
    try:
        runner = Runner(Tools(folder), folder)
        for name in wanted.scenario or SCENARIOS:
            scenario = SCENARIOS[name](wanted.quick)
            if (why := scenario.missing()) is not None:
                print(f"{name} is left out: {why}", flush=True)
                continue
            print(f"{name}: {scenario.title}", flush=True)
            result = runner.run(
                scenario, list(found), min(rounds, scenario.most_rounds or rounds))
            failures += len(result.failures)
            run["scenarios"][name] = {
                "title": scenario.title, "rounds": result.rounds, "failures": result.failures,
                "seconds": round(result.seconds, 1)}
            if wanted.out is not None:
                report.write(run, wanted.out)
    finally:
        processes.end_all()
        shutil.rmtree(folder, ignore_errors=True)
    if wanted.out is None:
        print(report.page(run))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
