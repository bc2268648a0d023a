"""A command prefix that runs what is measured ahead of whatever else the machine does.

Real-time scheduling where it's allowed. Niceness is the second best: it doesn't count between the
groups that the kernel makes of sessions.
"""

import subprocess

REALTIME = ("chrt", "--rr", "5")
ALLOWED = subprocess.run([*REALTIME, "true"], check=False, capture_output=True).returncode == 0
AHEAD = REALTIME if ALLOWED else ("nice", "-n", "-15")
