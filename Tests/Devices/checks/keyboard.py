"""Keyboard scanners: every key arrives, nobody else sees one, and what was lost on the way is never guessed."""
import string

from checks import check
from devices import Gadget
from gateway import CheckFailed, expect

SYMBOL = "05e0:1200"
# No scanner's id: a keyboard that somebody types on.
ORDINARY = "046d:c31c"


def attach(gateway, name="scanner-1", port=0, serial="SYM0001", layout="us", match=None):
    """A keyboard scanner that the daemon reads."""
    scanner = Gadget(gateway.guest, port, "keyboard", SYMBOL, serial)
    gateway.add(name, "--kind", "keyboard", "--match", match or f"serial={serial}", "--layout", layout)
    gateway.until_read(name)
    # What is typed sooner may be the end of a scan that began before the node was opened: it is dropped.
    gateway.sh("sleep 0.5")
    return scanner


def typed(gateway, scanner, labels, options="", seconds=600):
    """Types labels to the end."""
    gateway.write_lines("/root/keys", labels, end="\n")
    return scanner.type("/root/keys", options).wait(seconds)


class Onlookers:
    """Who else reads a keyboard: a program at its event node, and the console, which every keyboard types into."""

    def __init__(self, gateway, scanner):
        gateway.sh("chvt 1")
        event = scanner.nodes["event"]
        self.jobs = [gateway.guest.start(f"stdbuf -oL evtest {event} | grep --line-buffered '(EV_KEY), code'"),
                     gateway.guest.start("cat </dev/tty1")]
        # evtest prints nothing of its own through grep: it is ready when it has the node open.
        gateway.guest.until(f"ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q '{event}$'", "evtest to read")

    def leave(self):
        for job in self.jobs:
            job.stop()

    def saw(self):
        return "".join(job.output() for job in self.jobs).strip()


def unseen(onlookers, when):
    saw = onlookers.saw()
    expect(not saw, f"{when}: others saw {saw[:300]!r}")


@check("onlookers")
def onlookers(gateway, long):
    """The check of the checks below: what an ordinary keyboard types does reach another reader and the console."""
    keyboard = Gadget(gateway.guest, 1, "keyboard", ORDINARY, "KBD0001")
    others = Onlookers(gateway, keyboard)
    labels = gateway.labels(3)
    # Slowly: evtest prints a line for each event, and the kernel keeps 64 of them.
    typed(gateway, keyboard, labels, "--rate 50")
    evtest, console = (job.output() for job in others.jobs)
    expect(all(label in console for label in labels), f"the console has {console!r}, typed was {labels}")
    keys = sum(len(label) + 1 for label in labels)
    pressed = evtest.count("value 1") - evtest.count("KEY_LEFTSHIFT), value 1")
    expect(pressed == keys, f"{keys} keys were typed, evtest saw {pressed} presses")
    return f"{keys} keys, all seen"


@check("keyboard", alone=True)
def keyboard(gateway, long):
    """500 keys a second, 250 in the short form: no key is lost or altered."""
    scanner = attach(gateway)
    labels = gateway.labels(10_000 if long else 300)
    said = typed(gateway, scanner, labels, "--rate 500" if long else "--rate 250", 1500)
    gateway.expect_accepted("scanner-1", labels, 300)
    return f"{len(labels)} scans, {said.strip()}"


@check("keyboard-twins", alone=True)
def keyboard_twins(gateway, long):
    """Two equal scanners at once: a pair told apart by serial number, and one without any, by USB port."""
    twins = {"a": attach(gateway, "a", 0, "SYM0001"), "b": attach(gateway, "b", 1, "SYM0002")}
    for name, port in (("c", 2), ("d", 3)):
        twins[name] = attach(gateway, name, port, None, match=f"path=dummy_hcd.{port}-1")
    labels = {name: gateway.labels(500 if long else 30) for name in twins}
    for name in twins:
        gateway.write_lines(f"/root/{name}", labels[name], end="\n")
    jobs = [scanner.type(f"/root/{name}", "--rate 50") for name, scanner in twins.items()]
    for job in jobs:
        job.wait(600)
    for name in twins:
        gateway.expect_accepted(name, labels[name], 120)
    return f"4 at once, {len(labels['a'])} scans each"


@check("keyboard-layouts", alone=True)
def keyboard_layouts(gateway, long):
    """Every character that a scanner with the layout us, de or fr can type is read as that character."""
    ascii_text = "".join(map(chr, range(33, 127)))
    more = {"us": "", "de": "äöüÄÖÜß°§€µ´", "fr": "éèàùç°§€µ²£"}
    for port, (layout, extra) in enumerate(more.items()):
        name = f"scanner-{layout}"
        scanner = attach(gateway, name, port, f"SYM000{port}", layout)
        gateway.bags += 1
        characters = ascii_text + extra
        # In pieces, between letters; a child is in one bag only, so that the layout is part of it.
        labels = [f"SB{gateway.bags:05d}"] + [f"{layout} {i} x{characters[i:i + 8]}x" for i in range(0, len(characters), 8)]
        typed(gateway, scanner, labels, f"--layout {layout}")
        gateway.expect_accepted(name, labels)
    return f"{len(ascii_text)} characters and {sum(map(len, more.values()))} of their own"


@check("keyboard-grab")
def keyboard_grab(gateway, long):
    """What a scanner types reaches the daemon alone, also after it was pulled out and put in again."""
    scanner = attach(gateway)
    labels = gateway.labels(40)
    others = Onlookers(gateway, scanner)
    typed(gateway, scanner, labels[:20])
    gateway.expect_accepted("scanner-1", labels[:20])
    unseen(others, "while the scanner is read")
    scanner.unplug()
    gateway.until("the unplug to be seen", lambda: not gateway.device("scanner-1")["connected"])
    gateway.sh("sleep 0.5")
    scanner.plug()
    gateway.until_read("scanner-1")
    gateway.sh("sleep 0.5")
    again = Onlookers(gateway, scanner)
    typed(gateway, scanner, labels[20:])
    gateway.expect_accepted("scanner-1", labels)
    unseen(again, "after a re-plug")
    return ""


@check("keyboard-unknown")
def keyboard_unknown(gateway, long):
    """A scanner's id that nobody registered is grabbed, an ordinary keyboard is not."""
    gateway.sh(r"printf '[scanners]\nunknown = "
               r'"grab"\n'
               r"' >/etc/scangate/scangate.d/unknown.toml; systemctl restart scangate", seconds=120)
    scanner = Gadget(gateway.guest, 0, "keyboard", SYMBOL, "SYM0009")
    gateway.until("the grab", lambda: "SYM0009" in gateway.log() or scanner.nodes["event"] in gateway.log())
    others = Onlookers(gateway, scanner)
    typed(gateway, scanner, gateway.labels(5))
    unseen(others, "of a scanner that is not registered")
    # Two readers of one console would share what comes.
    others.leave()
    person = Gadget(gateway.guest, 1, "keyboard", ORDINARY, "KBD0001")
    others = Onlookers(gateway, person)
    typed(gateway, person, ["hello"])
    expect("hello" in others.saw(), "an ordinary keyboard was grabbed")
    expect(gateway.accepted() == [], "a scan without a device was delivered")
    return ""


@check("keyboard-lost-events")
def keyboard_lost_events(gateway, long):
    """SYN_DROPPED: scans with lost keys are dropped and counted, later ones are right, none is invented."""
    scanner = attach(gateway)
    first, later = gateway.labels(100), gateway.labels(20)
    # Under WatchdogSec: 2,000 keys at 500 a second take 4 s.
    gateway.sh("systemctl kill --signal=STOP scangate")
    typed(gateway, scanner, first, "--rate 500")
    gateway.sh("systemctl kill --signal=CONT scangate")
    gateway.until("lost events to be counted",
                  lambda: gateway.device("scanner-1")["dropped_by_reason"].get("lost_events", 0) > 0)
    typed(gateway, scanner, later)
    gateway.until("the later scans", lambda: gateway.accepted_count("scanner-1") >= len(later))
    got = [row["label"] for row in gateway.accepted()]
    rest = iter(first + later)
    expect(all(label in rest for label in got), f"invented, altered or out of order: {got}")
    expect(got[-len(later):] == later, f"not all of the later ones: {got[-len(later):]}")
    return f"{len(got) - len(later)} of {len(first)} were whole"


@check("keyboard-stuck")
def keyboard_stuck(gateway, long):
    """A key that is never let go, and one that the kernel repeats: no scan has a character that was not typed."""
    scanner = attach(gateway)
    labels = gateway.labels(9, string.ascii_lowercase + string.digits)
    typed(gateway, scanner, labels[:3])
    gateway.expect_accepted("scanner-1", labels[:3])
    typed(gateway, scanner, labels[3:6], "--hold 1")
    gateway.expect_accepted("scanner-1", labels[:6])
    typed(gateway, scanner, labels[6:], "--stuck q")
    gateway.sh("sleep 3")
    got = [row["label"] for row in gateway.accepted()]
    rest = iter(labels)
    if not all(label in rest for label in got):
        raise CheckFailed(f"typed {labels}, accepted {got}")
    device = gateway.device("scanner-1")
    missing = len(labels) - len(got)
    expect(device["dropped"] + device["refused"] >= missing, f"{missing} scans are missing and not counted: {device}")
    return f"{missing} of {len(labels)} dropped and counted"


@check("keyboard-restart", alone=True)
def keyboard_restart(gateway, long):
    """What is typed while the unit restarts reaches nobody else: systemd holds the grabbed node meanwhile."""
    scanner = attach(gateway)
    others = Onlookers(gateway, scanner)
    labels, after = gateway.labels(40), gateway.labels(10)
    gateway.write_lines("/root/keys", labels, end="\n")
    typing = scanner.type("/root/keys", "--rate 50")
    gateway.sh("sleep 1; systemctl restart scangate; systemctl restart scangate", seconds=120)
    typing.wait(120)
    unseen(others, "during a restart")
    gateway.until_read("scanner-1")
    typed(gateway, scanner, after, "--rate 100")
    gateway.until("the scans after it", lambda: gateway.accepted_count("scanner-1") >= len(after))
    got = [row["label"] for row in gateway.accepted()]
    rest = iter(labels + after)
    expect(all(label in rest for label in got) and got[-len(after):] == after, f"typed {labels + after}, accepted {got}")
    return f"{len(got) - len(after)} of {len(labels)} labels came through the restarts"
