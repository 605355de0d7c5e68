"""Cameras by the kernel's own V4L2: v4l2loopback, whose frames are a check's, and vivid, which can be pulled out."""
import base64

from checks import check
from devices import Camera, HDMIInput
from gateway import expect
from pictures import Picture, chart, parts, scene

BLANK = Picture(640, 480)


def attach(gateway, camera, name="belt-1", *options):
    gateway.add(name, "--kind", "camera", "--port", camera.path, *options)


@check("camera-formats")
def camera_formats(gateway, long):
    """Grey, YUYV, NV12 and JPEG: the label that each of four cameras shows is read, once."""
    formats = ("GREY", "YUYV", "NV12", "MJPG")
    jobs = []
    for number, (camera, fourcc) in enumerate(zip(Camera.plug(gateway.guest, len(formats)), formats)):
        jobs.append(camera.show((scene(f"SB1000{number}"), 0), fourcc=fourcc))
        attach(gateway, camera, f"belt-{fourcc.lower()}", "--size", "640x480")
    for number, fourcc in enumerate(formats):
        gateway.expect_accepted(f"belt-{fourcc.lower()}", [f"SB1000{number}"], 60)
    return ", ".join(formats)


@check("camera-pixels")
def camera_pixels(gateway, long):
    """Grey, YUYV, NV12: what a snapshot writes is what was shown, pixel for pixel; by the command itself and by the daemon."""
    formats = ("GREY", "YUYV", "NV12")
    for number, (camera, fourcc) in enumerate(zip(Camera.plug(gateway.guest, len(formats)), formats)):
        # Not the width of a block of anything, so that rows end where they do.
        shown = chart(328, 246).put(scene(f"SB9000{number}", width=200, height=200, module=5), 64, 20)
        camera.show((shown, 0), fourcc=fourcc, rate=10)
        name, size = f"belt-{fourcc.lower()}", ("--size", "328x246")
        compare(gateway, shown, f"{fourcc} by the command", camera.path, *size)
        attach(gateway, camera, name, *size)
        gateway.until_read(name)
        compare(gateway, shown, f"{fourcc} by the daemon", name)
        gateway.expect_accepted(name, [f"SB9000{number}"], 60)
    return ", ".join(formats)


def compare(gateway, shown, what, *words):
    said = gateway.cli("camera", "snapshot", words[0], "/root/seen.png", "--plain", *words[1:])
    seen = Picture.of_png(base64.b64decode(gateway.sh("base64 -w0 /root/seen.png")))
    expect((seen.width, seen.height) == (shown.width, shown.height), f"{what}: {said}")
    wrong = [i for i in range(len(shown.pixels)) if seen.pixels[i] != shown.pixels[i]]
    expect(not wrong, f"{what}: {len(wrong)} pixels differ, the first at {divmod((wrong or [0])[0], shown.width)[::-1]}")


@check("camera-passing")
def camera_passing(gateway, long):
    """A label is shown for 1, 2 and 5 frames: each passage is one scan, and what only passes is not read again."""
    (camera,) = Camera.plug(gateway.guest)
    idle = camera.show((BLANK, 0))
    attach(gateway, camera, "belt-1", "--size", "640x480")
    gateway.until_read("belt-1")
    idle.stop()
    labels = [f"SB{20000 + i}" for i in range(12 if long else 3)]
    steps = [(BLANK, 8)]
    for number, text in enumerate(labels):
        steps += [(scene(text), (1, 2, 5)[number % 3]), (BLANK, 8)]
    camera.show(*steps, (BLANK, 0), rate=4)
    gateway.expect_accepted("belt-1", labels, 60 + 4 * len(labels))
    return f"{len(labels)} labels"


@check("camera-many")
def camera_many(gateway, long):
    """Twenty labels in one frame are twenty scans."""
    (camera,) = Camera.plug(gateway.guest)
    parent, children = "SB30000", [f"30000-{i:02d}" for i in range(20)]
    job = camera.show((scene(parent, width=1280, height=720), 0), fourcc="YUYV", rate=3)
    attach(gateway, camera)
    gateway.expect_accepted("belt-1", [parent], 60)
    job.stop()
    camera.show((scene(*children, width=1280, height=720, module=5), 0), fourcc="YUYV", rate=3)
    gateway.until("21 scans at the backend", lambda: gateway.backend()["scan_rows"] >= 21, 90)
    got = [row["label"] for row in gateway.accepted()]
    expect(sorted(got) == sorted([parent, *children]), f"accepted: {got}")
    return "20 labels at 1280x720"


@check("camera-unplug")
def camera_unplug(gateway, long):
    """Pulled out in the middle of a frame: the daemon says so, and reads it again once it is back."""
    gateway.sh("modprobe vivid n_devs=1 node_types=0x1 vid_cap_nr=20 && udevadm settle")
    gateway.add("belt-1", "--kind", "camera", "--port", "/dev/video20", "--size", "640x360")
    gateway.until_read("belt-1")
    for round in range(1, 6 if long else 2):
        # vivid's own control: it goes as a USB camera does, while it gives frames, and is back once nobody has it open.
        gateway.sh("camera_control.py /dev/video20 Disconnect 1")
        gateway.until("the daemon to see it go", lambda: gateway.log().count("scanner belt-1: unplugged") == round)
        gateway.until_read("belt-1")
    return "5 times" if long else "once"


@check("camera-change")
def camera_change(gateway, long):
    """A camera that comes back with another size and another format: it is read on."""
    labels = []
    for number, (width, height, fourcc) in enumerate(((640, 480, "YUYV"), (800, 600, "GREY"), (320, 240, "MJPG"))):
        (camera,) = Camera.plug(gateway.guest)
        labels.append(f"SB5000{number}")
        job = camera.show((scene(labels[-1], width=width, height=height, module=5), 0), fourcc=fourcc)
        if not number:
            attach(gateway, camera)
        gateway.expect_accepted("belt-1", labels, 60)
        job.stop()
        # v4l2loopback gives a node another format only when it is made anew; the daemon looks at it every ten seconds.
        gateway.guest.until("modprobe -r v4l2loopback 2>/dev/null", "the daemon to let go of it")


def in_doubt(gateway, lane="belt-1"):
    return gateway.ask("lane", "show", lane)["lanes"][0]["in_doubt"]


@check("camera-format-change")
def camera_format_change(gateway, long):
    """What comes into an HDMI input changes its size under the daemon, or goes: it is read on, and the lane is in doubt."""
    camera = HDMIInput(gateway.guest)
    labels = ["SB55000"]
    job = camera.send(scene(labels[0]))
    attach(gateway, camera)
    gateway.expect_accepted("belt-1", labels, 60)
    expect(not in_doubt(gateway), "a lane whose bag was seen is in doubt")
    pid = gateway.sh("systemctl show --property MainPID --value scangate").strip()
    for number, (width, height) in enumerate(((800, 600), (720, 576), (640, 480)) if long else ((800, 600),), 1):
        job.stop()
        job = camera.send(Picture(width, height))
        gateway.until("the lane to be in doubt", lambda: in_doubt(gateway))
        # In that size, and by itself: nobody has opened its node anew.
        gateway.cli("camera", "snapshot", "belt-1", "/root/seen.png", "--plain")
        seen = Picture.of_png(base64.b64decode(gateway.sh("base64 -w0 /root/seen.png")))
        expect((seen.width, seen.height) == (width, height), f"the daemon sees {seen.width}x{seen.height}")
        job.stop()
        labels.append(f"SB5500{number}")
        job = camera.send(scene(labels[-1], width=width, height=height))
        gateway.expect_accepted("belt-1", labels, 60)
        expect(not in_doubt(gateway), "a lane whose bag was seen is in doubt")
    log = gateway.log()
    expect("unplugged" not in log and "no frames" not in log, f"it was let go of:\n{log}")
    camera.pull()
    gateway.until("the daemon to see the signal go", lambda: "nothing comes into" in gateway.log())
    job.stop()
    labels.append("SB55009")
    camera.send(scene(labels[-1], width=720, height=480))
    gateway.expect_accepted("belt-1", labels, 90)
    now = gateway.sh("systemctl show --property MainPID --value scangate").strip()
    expect(now == pid, "the daemon itself was started anew")
    return f"{len(labels) - 1} times"


@check("camera-stall")
def camera_stall(gateway, long):
    """A camera that gives no frames any more is started anew; frames that come again are read."""
    (camera,) = Camera.plug(gateway.guest)
    job = camera.show((scene("SB60000"), 0))
    attach(gateway, camera, "belt-1", "--size", "640x480")
    gateway.expect_accepted("belt-1", ["SB60000"], 60)
    job.stop()
    gateway.until("the daemon to notice", lambda: "no frames" in gateway.log() or "giving frames" in gateway.log(), 60)
    camera.show((scene("SB60001"), 0))
    gateway.expect_accepted("belt-1", ["SB60000", "SB60001"], 90)


@check("camera-decoder")
def camera_decoder(gateway, long):
    """The decoder is killed in the middle of a frame: the daemon goes on, and so do its labels."""
    (camera,) = Camera.plug(gateway.guest)
    labels = [f"SB{70000 + i}" for i in range(10 if long else 3)]
    idle = camera.show((BLANK, 0), rate=10)
    attach(gateway, camera, "belt-1", "--size", "640x480")
    gateway.until_read("belt-1")
    daemon = gateway.sh("systemctl show --property MainPID --value scangate").strip()
    idle.stop()
    for count, text in enumerate(labels, 1):
        killed = gateway.sh("pkill -KILL --count -f decode-worker")
        expect(killed.strip() == "1", f"{killed.strip()} decoders ran")
        job = camera.show((scene(text), 0), rate=10)
        gateway.expect_accepted("belt-1", labels[:count], 60)
        job.stop()
    now = gateway.sh("systemctl show --property MainPID --value scangate").strip()
    expect(now == daemon, "the daemon itself was started anew")
    return f"{len(labels)} times"


@check("camera-parts")
def camera_parts(gateway, long):
    """Parts of a longer text (structured append), which make zbar abort when asked in the usual way: counted, not fatal."""
    (camera,) = Camera.plug(gateway.guest)
    first, *_ = parts("a text that is much too long for a single code of this small version, so it has parts")
    job = camera.show((Picture(640, 480).put(first, 40, 40), 0))
    attach(gateway, camera, "belt-1", "--size", "640x480")
    gateway.until("the part to be counted",
                  lambda: gateway.device("belt-1")["dropped_by_reason"].get("part", 0) >= 1)
    expect(gateway.device("belt-1")["scans"] == 0, "a part was taken for a scan")
    job.stop()
    camera.show((scene("SB80000"), 0))
    gateway.expect_accepted("belt-1", ["SB80000"], 60)
