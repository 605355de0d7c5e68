"""The checks, by name. Each is a function of a fresh Gateway and of whether it may take long; it returns a remark."""
CHECKS = {}


class Check:
    def __init__(self, name, run, pending, long_only):
        self.name, self.run, self.pending, self.long_only = name, run, pending, long_only
        self.what = run.__doc__.strip().splitlines()[0]


def check(name, pending=None, long_only=False):
    """Registers a check. `pending`: what it waits for; it is then run only by name."""
    def register(run):
        CHECKS[name] = Check(name, run, pending, long_only)
        return run
    return register
