"""Starts one program, waits for it, and says how long it took, and how much memory its largest process had.

Run as `python -I -S launch.py TIMEOUT OUTPUT PROGRAM…`. It is a process of its own, and imports next to nothing:
Linux counts what the starting process held into the peak of the program that it starts, from here about 9 MiB.
"""

import os
import signal
import sys
import time


def main() -> None:
    """Prints seconds, seconds of CPU (all its processes), peak in KiB and exit code: -1 where the time was up."""
    timeout, output, *words = sys.argv[1:]
    late: list[bool] = []
    out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    wanted = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]

    def end(*_: object) -> None:
        late.append(True)
        os.killpg(process, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    began = time.perf_counter()
    process = os.posix_spawnp(words[0], words, os.environ, file_actions=wanted, setpgroup=0)
    signal.setitimer(signal.ITIMER_REAL, float(timeout))
    _, status, usage = os.wait4(process, 0)
    took = time.perf_counter() - began
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(
        took,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss,
        -1 if late else os.waitstatus_to_exitcode(status),
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
