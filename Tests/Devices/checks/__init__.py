"""The checks, by name. Each is a function of a fresh Gateway and of whether it may take long; it returns a remark."""
CHECKS = {}


class Check:
    def __init__(self, name, run, long_only, alone):
        self.name, self.run, self.long_only, self.alone = name, run, long_only, alone
        self.what = run.__doc__.strip().splitlines()[0]


def check(name, long_only=False, alone=False):
    """Registers a check. `alone`: no other one runs beside it, since it types as fast as a machine of this speed can read."""
    def register(run):
        CHECKS[name] = Check(name, run, long_only, alone)
        return run
    return register
